# Sources the library. Commands and services' scripts do this in the project's folder, from which make starts them.
set -eu
. docker/lib/output.sh
[ -n "${PROJECT:-}" ] || fail "make sets what this command needs. 'make' lists the commands."
. docker/lib/files.sh
. docker/lib/settings.sh
. docker/lib/engine.sh
. docker/lib/identity.sh
. docker/lib/faults.sh
. docker/lib/project.sh
[ ! -f docker/services/lib.sh ] || . docker/services/lib.sh
trap clean_up EXIT
# Not every shell runs the trap for EXIT when a signal ends it.
trap 'exit 130' HUP INT TERM
