#!/bin/sh
# Load the backup into a second database, which replaces the current one only when it is complete.
set -eu

# sql STATEMENT...
sql() {
  local statement
  for statement; do set -- "$@" --command "$statement" && shift; done
  psql --username analyst --dbname postgres --no-psqlrc --quiet --set ON_ERROR_STOP=1 "$@"
}

# drop_database NAME
drop_database() { sql 'set client_min_messages = warning' "drop database if exists \"$1\" with (force)"; }

new=${POSTGRES_DB}_restored old=${POSTGRES_DB}_before
drop_database "$new"
drop_database "$old"
trap 'drop_database "$new"' EXIT
sql "create database \"$new\" template template0"
pg_restore --username analyst --dbname "$new" --single-transaction
# A database cannot be renamed while somebody is connected to it.
sql "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '$POSTGRES_DB'" \
  begin "alter database \"$POSTGRES_DB\" rename to \"$old\"" "alter database \"$new\" rename to \"$POSTGRES_DB\"" commit
drop_database "$old"
