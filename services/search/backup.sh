#!/bin/sh
# Write a snapshot of all indexes and of what Dashboards has saved to standard output.
set -eu
folder=/usr/share/opensearch/data/snapshot

# call METHOD PATH [BODY]: print OpenSearch's answer, or fail with the reason.
call() {
  local answer
  answer=$(curl --silent --show-error --fail-with-body --noproxy '*' --request "$1" "http://localhost:9200/$2" \
    --header 'Content-Type: application/json' --data "${3:-}") || {
    echo "$answer" | sed 's/.*"reason":"\([^"]*\)".*/\1/' >&2
    return 1
  }
  echo "$answer"
}

# The last backup may have been interrupted.
clean() { call DELETE _snapshot/backup >/dev/null 2>&1 || true; rm -rf "$folder"; }

clean
mkdir "$folder"
trap clean EXIT
call PUT _snapshot/backup "{\"type\":\"fs\",\"settings\":{\"location\":\"$folder\"}}" >/dev/null
state=$(call PUT '_snapshot/backup/all?wait_for_completion=true' \
  '{"indices":"*,-.*,.kibana*","include_global_state":false}')
case $state in *'"state":"SUCCESS"'*) ;; *) echo 'the snapshot is incomplete' >&2; exit 1 ;; esac
tar -C "$folder" -cz .
