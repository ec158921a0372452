#!/bin/sh
# All tables as they are at one moment, while others write. The first line is what restore.sh looks for.
set -eu
dump=$(command -v mariadb-dump || command -v mysqldump)
MYSQL_PWD=$(cat /run/secrets/mysql_password)
export MYSQL_PWD
failed=$(mktemp)
{
  echo '-- make backup-mysql'
  "$dump" --user root --single-transaction --routines --events --hex-blob "$MYSQL_DATABASE" || echo $? >"$failed"
} | gzip
[ ! -s "$failed" ] && rm "$failed"
