#!/bin/sh
# Set the password from .env, even if nobody knows the old one: a local connection needs none.
pg_ctl --wait --silent --log /tmp/log --options '-c listen_addresses=' start || { tail -n 1 /tmp/log >&2; exit 1; }
psql --username analyst --dbname postgres --quiet --set ON_ERROR_STOP=1 <<'SQL'
\set password `cat /run/secrets/postgres_password`
alter role analyst password :'password';
SQL
status=$?
pg_ctl --wait --silent stop && exit "$status"
