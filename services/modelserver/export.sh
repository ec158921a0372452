#!/bin/sh
# export.sh [MODULE OPTION...]   run a module of this service beside the converters; `export` if none is given
cd -- "$(dirname -- "$0")/../.." || exit
. docker/lib/all.sh

[ $# != 0 ] || set -- export
module=$1
shift
# The input of a script that calls make is not for the container.
[ -t 0 ] || exec </dev/null
prepare
ensure_image
compose_build modelserver-export >&2
run_container modelserver-export python -m "services.modelserver.$module" "$@"
