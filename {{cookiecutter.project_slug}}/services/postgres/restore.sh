#!/bin/sh
# Into a database of its own, which takes the place of the other one when it is whole.
set -eu
new=${POSTGRES_DB}_restored old=${POSTGRES_DB}_before
sql() {
  for line; do set -- "$@" --command "$line" && shift; done
  psql --username analyst --dbname postgres --no-psqlrc --quiet --set ON_ERROR_STOP=1 "$@"
}
remove() { sql 'set client_min_messages = warning' "drop database if exists \"$1\" with (force)"; }

remove "$new"
remove "$old"
trap 'remove "$new"' EXIT
sql "create database \"$new\" template template0"
pg_restore --username analyst --dbname "$new" --single-transaction
# Who is connected to the old one would keep it.
sql "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '$POSTGRES_DB'" \
  begin "alter database \"$POSTGRES_DB\" rename to \"$old\"" "alter database \"$new\" rename to \"$POSTGRES_DB\"" commit
remove "$old"
