#!/bin/sh
# What backup.sh and restore.sh share, in the container: the folder of a snapshot, and how to ask OpenSearch.
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

# delete PATTERN: delete the indexes with such names.
delete() {
  local names
  names=$(call GET "_cat/indices/$1?h=index&expand_wildcards=all" | paste -s -d , -)
  [ -z "$names" ] || call DELETE "$names" >/dev/null
}

# register OPTIONS: tell OpenSearch where the snapshot is.
register() {
  call PUT _snapshot/backup "{\"type\":\"fs\",\"settings\":{\"location\":\"$folder\"$1}}" >/dev/null
}

clean() {
  delete 'restored-by-make-*' || true
  call DELETE _snapshot/backup >/dev/null 2>&1 || true
  rm -rf "$folder"
}

# The last backup or restore may have been interrupted.
clean
mkdir "$folder"
trap clean EXIT
