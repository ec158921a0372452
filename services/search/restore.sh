#!/bin/sh
# Restore a snapshot from standard input: first as copies beside the indexes, which are replaced only if that succeeds.
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

clean() {
  delete 'restored-*' || true
  call DELETE _snapshot/backup >/dev/null 2>&1 || true
  rm -rf "$folder"
}

# restore OPTIONS: restore all indexes in the snapshot, and fail if a part of one is missing.
restore() {
  local answer
  answer=$(call POST '_snapshot/backup/all/_restore?wait_for_completion=true' \
    "{\"indices\":\"*\",\"include_global_state\":false,$1}")
  case $answer in *'"failed":0'*) ;; *) echo 'the backup is damaged' >&2; exit 1 ;; esac
}

clean
mkdir "$folder"
trap clean EXIT
tar -C "$folder" -xz
call PUT _snapshot/backup "{\"type\":\"fs\",\"settings\":{\"location\":\"$folder\",\"readonly\":true}}" >/dev/null
# shellcheck disable=SC2016 # $1 is OpenSearch's, for what the pattern found
restore '"include_aliases":false,"rename_pattern":"(.+)","rename_replacement":"restored-$1"'
delete '*,-.*,.kibana*,-restored-*'
restore '"include_aliases":true'
