#!/bin/sh
# Measure how fast the server answers, and the service `api` if the project has it: ROWS=1 in each request, over
# CONNECTIONS=8, for TIME=10 seconds each.
cd -- "$(dirname -- "$0")/../.." || exit
. docker/lib/all.sh

# load_number NAME DEFAULT: set NAME from the command line, .env or the default, and check that it is a whole number.
load_number() {
  local value
  setting "$1" "$2"
  eval "value=\$$1"
  case $value in
    *[!0-9]* | 0* | ?????*) fail "$1=$value is not a whole number from 1 to 9999. Use make load-modelserver $1=$2." ;;
  esac
}

load_number ROWS 1
load_number CONNECTIONS 8
load_number TIME 10
prepare
ensure_running modelserver
unlock services
if [ "$ROWS" = 1 ]; then path=predict; else path=predict/batch; fi
set -- "modelserver=http://modelserver:8080/$path"
if [ -f services/api/compose.yaml ]; then
  ensure_running api
  unlock services
  set -- "$@" "api=http://api:8000/$path"
fi
body=$(temporary_file load)
sh services/modelserver/export.sh roundtrip --rows "$ROWS" >"$body"
compose_build modelserver-load
echo "POST /$path: $ROWS rows in each request, $CONNECTIONS connections, $TIME seconds each"
run_container modelserver-load "$TIME" "$CONNECTIONS" "$@" <"$body"
