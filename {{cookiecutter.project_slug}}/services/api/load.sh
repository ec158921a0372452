#!/bin/sh
# load.sh   measures how fast the API answers: ROWS=1 in a request, CONNECTIONS=8 at a time, for TIME=10 seconds
. scripts/common.sh

number() { # NAME DEFAULT
  setting "$1" "$2"
  given=
  eval "given=\$$1"
  case $given in
    *[!0-9]* | 0* | ?????*) fail "$1=$given is not a whole number from 1 to 9999. Use make load-api $1=$2." ;;
  esac
}

number ROWS 1
number CONNECTIONS 8
number TIME 10
SERVICE=api
export SERVICE
ready
said=.local/load.$$
trap 'rm -f "$said" "$said.json"' EXIT
scripts/services.sh need
scripts/run.sh python services/api/example.py --rows "$ROWS" >"$said.json"
compose build api-load >"$said" 2>&1 || explain "$said"
if [ "$ROWS" = 1 ]; then path=predict; else path=predict/batch; fi
echo "POST /$path: $ROWS in a request, $CONNECTIONS at a time, for $TIME seconds"
compose run --rm --no-TTY api-load "http://api:8000/$path" "$TIME" "$CONNECTIONS" <"$said.json"
