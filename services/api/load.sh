#!/bin/sh
# Measure how fast the API answers: ROWS=1 in each request, over CONNECTIONS=8, for TIME=10 seconds.
cd -- "$(dirname -- "$0")/../.." || exit
. docker/lib/all.sh

load_number ROWS 1 load-api
load_number CONNECTIONS 8 load-api
load_number TIME 10 load-api
prepare
ensure_running api
body=$(temporary_file load)
# shellcheck disable=SC2153 # load_number sets it
docker/run python -m services.api.example --rows "$ROWS" >"$body"
compose_build api-load
if [ "$ROWS" = 1 ]; then path=predict; else path=predict/batch; fi
echo "POST /$path: $ROWS rows in each request, $CONNECTIONS connections, $TIME seconds"
run_container api-load "http://api:8000/$path" "$TIME" "$CONNECTIONS" <"$body"
