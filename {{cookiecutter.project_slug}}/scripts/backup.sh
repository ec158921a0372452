#!/bin/sh
# backup.sh backup SERVICE    writes what it stores to data/backups/
# backup.sh restore SERVICE   puts the file in the variable FILE back, or the newest one
# The service's backup.sh and restore.sh run in its container: one writes to standard output, the other reads from input.
# Where they run in several, the file is an archive with what each has written, under its name.
cd -- "$(dirname -- "$0")/.." || exit
. scripts/common.sh

action=$1 service=$2
can "$action" "$service"
ready
why=.local/backup.$$
trap 'rm -f "$why"' EXIT
SERVICE=$service scripts/services.sh need >"$why" || exit
folder=$DATA_DIR/backups
inside() { compose exec --no-TTY "$container" sh -c "$(part "$number")" 2>"$why"; }

write() { # FILE
  number=0
  for container in $containers; do
    number=$((number + 1))
    inside >"$new/$container" || return
  done
  if several; then
    # shellcheck disable=SC2086 # one word for each
    tar -cf "$new/all" -C "$new" $containers 2>"$why" && mv "$new/all" "$1"
  else
    mv "$new/$containers" "$1"
  fi
}

put_back() {
  number=0
  for container in $containers; do
    number=$((number + 1))
    if several; then tar -xOf "$FILE" "$container" 2>/dev/null; else cat "$FILE"; fi | inside >/dev/null || return
  done
}

case $action in
  backup)
    mkdir -p "$folder" 2>/dev/null && [ -w "$folder" ] ||
      fail "the folder $folder is not writable. Check who owns it, or use DATA_DIR=/path."
    file=$folder/$service-$(date -u +%Y-%m-%dT%H-%M-%SZ)
    new=$file.$$
    trap 'rm -rf "$why" "$new"' EXIT
    trap 'exit 130' HUP INT TERM
    (umask 077 && mkdir "$new" && write "$file") || fail "$service was not backed up: $(last_words). Nothing was written."
    hand_over "$folder" "$file"
    echo "wrote $file"
    ;;
  restore)
    if [ -z "${FILE:-}" ]; then
      for FILE in "$folder/$service"-[0-9]*Z; do :; done
      [ -f "$FILE" ] || fail "there is no backup of $service in $folder. Make one: make backup-$service."
    fi
    [ -f "$FILE" ] || fail "there is no file $FILE. Use FILE= with one from $folder."
    [ -r "$FILE" ] || fail "the file $FILE is not readable by you. Check who owns it."
    put_back || fail "$FILE was not restored, and $service is as it was: $(last_words). Use another FILE=."
    echo "restored $FILE"
    ;;
esac
