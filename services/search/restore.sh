#!/bin/sh
# Restore a snapshot from standard input: first as copies beside the indexes, which are replaced only if that succeeds.
. /service/snapshot.sh

# restore OPTIONS: restore all indexes in the snapshot, and fail if a part of one is missing.
restore() {
  local answer
  answer=$(call POST '_snapshot/backup/all/_restore?wait_for_completion=true' \
    "{\"indices\":\"*\",\"include_global_state\":false,$1}")
  case $answer in *'"failed":0'*) ;; *) echo 'the backup is damaged' >&2; exit 1 ;; esac
}

tar -C "$folder" -xz
register ',"readonly":true'
# shellcheck disable=SC2016 # $1 is OpenSearch's, for what the pattern found
restore '"include_aliases":false,"rename_pattern":"(.+)","rename_replacement":"restored-by-make-$1"'
delete '*,-.*,.kibana*,-restored-by-make-*'
restore '"include_aliases":true'
