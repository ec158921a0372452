#!/bin/sh
# Start OpenSearch Dashboards, and import the saved dashboard. Nothing is started unless there is an index to show.
cd -- "$(dirname -- "$0")/../.." || exit
. docker/lib/all.sh

prepare
ensure_running search
docker/run python -m services.search.dashboard --check
log=$(temporary_file dashboards)
image=$(compose --profile tool config --images search-dashboards | grep dashboards)
"$DOCKER" image inspect "$image" >/dev/null 2>&1 || pull "$image"
compose --profile tool up --detach search-dashboards 2>"$log" || fail_start "$log" search-dashboards
docker/run python -m services.search.dashboard
setting SEARCH_DASHBOARDS_PORT 5601
echo "http://127.0.0.1:$SEARCH_DASHBOARDS_PORT/app/dashboards#/view/documents"
