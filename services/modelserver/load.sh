#!/bin/sh
# Measure how fast the server answers, and the service `api` if the project has it: ROWS=1 in each request, over
# CONNECTIONS=8, for TIME=10 seconds each.
cd -- "$(dirname -- "$0")/../.." || exit
. docker/lib/all.sh

load_number ROWS 1 load-modelserver
load_number CONNECTIONS 8 load-modelserver
load_number TIME 10 load-modelserver
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
