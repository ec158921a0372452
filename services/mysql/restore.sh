#!/bin/sh
# Load the backup into a second database to check that it is complete, then into the project's database. The previous
# contents stay in the volume until that is done.
set -eu
file=/var/lib/mysql/restore.sql.gz before=/var/lib/mysql/before-restore.sql new=${MYSQL_DATABASE}_restored
client=$(command -v mariadb || command -v mysql)
dump=$(command -v mariadb-dump || command -v mysqldump)
MYSQL_PWD=$(cat /run/secrets/mysql_password)
export MYSQL_PWD

sql() { "$client" --user root "$@"; }

# drop_database NAME
drop_database() { sql --execute "drop database if exists \`$1\`"; }

# load NAME: replace a database by the dump on standard input. Disconnect clients first, since their transactions would
# block the drop.
load() {
  local kill_clients
  kill_clients="select concat('kill ', id, ';') from information_schema.processlist where db = '$1'"
  sql --skip-column-names --execute "$kill_clients" | sql --force 2>/dev/null || true
  sql --execute "set session lock_wait_timeout = 30; drop database if exists \`$1\`; create database \`$1\`" ||
    return
  sql "$1"
}

trap 'rm -f "$file" "$before.new"; drop_database "$new"' EXIT
cat >"$file"
if ! gzip -t "$file" 2>/dev/null || [ "$(gzip -dc "$file" | head -n 1)" != '-- make backup-mysql' ]; then
  echo 'it is not a backup of mysql, or is incomplete' >&2
  exit 1
fi
gzip -dc "$file" | load "$new"
drop_database "$new"
# If the file exists, an earlier restore was killed and the database may be half loaded: keep the older contents.
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
