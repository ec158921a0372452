#!/bin/sh
# Write all tables as they are at one moment, while others write. restore.sh checks the first line.
set -eu
dump=$(command -v mariadb-dump || command -v mysqldump)
MYSQL_PWD=$(cat /run/secrets/mysql_password)
export MYSQL_PWD
failed=$(mktemp)
{
  echo '-- make backup-mysql'
  "$dump" --user root --single-transaction --routines --events --hex-blob "$MYSQL_DATABASE" || echo $? >"$failed"
} | gzip
# A pipe has the status of gzip, not of the dump.
[ ! -s "$failed" ] && rm "$failed"
