#!/bin/sh
# backup.sh backup SERVICE    writes what it stores to data/backups/
# backup.sh restore SERVICE   puts the file in the variable FILE back, or the newest one
# The service's backup.sh and restore.sh run in its container: one writes to standard output, the other reads from input.
# Where another of its containers holds the data, they name it in a line of their own: # In: NAME
cd -- "$(dirname -- "$0")/.." || exit
. scripts/common.sh

action=$1 service=$2
able=$(for file in services/*/"$action.sh"; do echo "$file"; done | cut -d / -f 2 | paste -s -d ' ' -)
[ "$able" != '*' ] || fail "no service here has a $action. Databases have one: make add-service NAME=postgres."
case " $able " in *" $service "*) ;; *) fail "'$service' has no $action. Use one of: $able." ;; esac
ready
why=.local/backup.$$
trap 'rm -f "$why"' EXIT
SERVICE=$service scripts/services.sh up >"$why" || exit
folder=$DATA_DIR/backups
container=$(sed -n 's/^# In: //p' "services/$service/$action.sh")
inside() { compose exec --no-TTY "${container:-$service}" sh -c "$(cat "services/$service/$action.sh")" 2>"$why"; }
last_words() { grep . "$why" | tail -n 1 | cut -c 1-200 | sed 's/[.[:space:]]*$//'; }

case $action in
  backup)
    mkdir -p "$folder" 2>/dev/null && [ -w "$folder" ] ||
      fail "the folder $folder is not writable. Check who owns it, or use DATA_DIR=/path."
    file=$folder/$service-$(date -u +%Y-%m-%dT%H-%M-%SZ)
    trap 'rm -f "$why" "$file.$$"' EXIT
    trap 'exit 130' HUP INT TERM
    (umask 077 && inside >"$file.$$") || fail "$service was not backed up: $(last_words). Nothing was written."
    mv "$file.$$" "$file"
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
    inside <"$FILE" >/dev/null || fail "$FILE was not restored, and $service is as it was: $(last_words). Use another FILE=."
    echo "restored $FILE"
    ;;
esac
