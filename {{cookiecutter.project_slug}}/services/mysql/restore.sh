#!/bin/sh
# First into a database of its own, which shows whether the file is good. Then it takes the place of what is there,
# which is kept in the volume until that is done.
set -eu
file=/var/lib/mysql/restore.sql.gz before=/var/lib/mysql/before-restore.sql new=${MYSQL_DATABASE}_restored
client=$(command -v mariadb || command -v mysql)
dump=$(command -v mariadb-dump || command -v mysqldump)
MYSQL_PWD=$(cat /run/secrets/mysql_password)
export MYSQL_PWD
sql() { "$client" --user root "$@"; }
remove() { sql --execute "drop database if exists \`$1\`"; }
# load DATABASE: what comes in replaces it. Who is in the middle of something there would be waited for.
load() {
  others="select concat('kill ', id, ';') from information_schema.processlist where db = '$1'"
  sql --skip-column-names --execute "$others" | sql --force 2>/dev/null || true
  sql --execute "set session lock_wait_timeout = 30; drop database if exists \`$1\`; create database \`$1\`" ||
    return
  sql "$1"
}

trap 'rm -f "$file" "$before.new"; remove "$new"' EXIT
cat >"$file"
if ! gzip -t "$file" 2>/dev/null || [ "$(gzip -dc "$file" | head -n 1)" != '-- make backup-mysql' ]; then
  echo 'it is no backup of mysql, or not a whole one' >&2
  exit 1
fi
gzip -dc "$file" | load "$new"
remove "$new"
# One that is there already is from a restore that was killed: what is in the database now can be half of something.
if [ ! -f "$before" ]; then
  "$dump" --user root --single-transaction --routines --events --hex-blob "$MYSQL_DATABASE" >"$before.new"
  mv "$before.new" "$before"
fi
gzip -dc "$file" | load "$MYSQL_DATABASE" || {
  load "$MYSQL_DATABASE" <"$before"
  rm "$before"
  exit 1
}
rm "$before"
