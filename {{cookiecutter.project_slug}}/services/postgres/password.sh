#!/bin/sh
# Gives Postgres the password that is in .env, also where nobody knows the old one: from inside it asks for none.
cd -- "$(dirname -- "$0")/../.." || exit
. scripts/common.sh

ready
why=.local/password.$$
trap 'rm -f "$why"' EXIT
compose rm --force --stop postgres >/dev/null 2>"$why" || explain "$why"
inside=$(
  cat <<'END'
pg_ctl --wait --silent --log /tmp/log --options '-c listen_addresses=' start || { tail -n 1 /tmp/log >&2; exit 1; }
psql --username analyst --dbname postgres --quiet --set ON_ERROR_STOP=1 <<'SQL'
\set password `cat /run/secrets/postgres_password`
alter role analyst password :'password';
SQL
status=$?
pg_ctl --wait --silent stop && exit "$status"
END
)
compose run --rm --no-TTY postgres sh -c "$inside" </dev/null >"$why" 2>&1 ||
  fail "postgres has kept its password: $(tail -n 1 "$why" | sed 's/[.[:space:]]*$//'). See: make up SERVICE=postgres."
echo 'postgres has the password of .env'
