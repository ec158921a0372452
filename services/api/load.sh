#!/bin/sh
# Measure how fast the API answers: ROWS=1 in each request, over CONNECTIONS=8, for TIME=10 seconds.
cd -- "$(dirname -- "$0")/../.." || exit
. docker/lib/all.sh

# load_number NAME DEFAULT: set NAME from the command line, .env or the default, and check that it is a whole number.
load_number() {
  local value
  setting "$1" "$2"
  eval "value=\$$1"
  case $value in
    *[!0-9]* | 0* | ?????*) fail "$1=$value is not a whole number from 1 to 9999. Use make load-api $1=$2." ;;
  esac
}

load_number ROWS 1
load_number CONNECTIONS 8
load_number TIME 10
prepare
ensure_running api
body=$(temporary_file load)
# shellcheck disable=SC2153 # load_number sets it
docker/run python -m services.api.example --rows "$ROWS" >"$body"
compose_build api-load
if [ "$ROWS" = 1 ]; then path=predict; else path=predict/batch; fi
echo "POST /$path: $ROWS rows in each request, $CONNECTIONS connections, $TIME seconds"
run_container api-load "http://api:8000/$path" "$TIME" "$CONNECTIONS" <"$body"
