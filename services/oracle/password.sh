#!/bin/sh
# Set the password from .env, even if nobody knows the old one: the user that owns the server's files needs none. The start
# script opens the database, and --nowait lets it end while the server runs.
container-entrypoint.sh --nowait >/tmp/log 2>&1 || { grep ORA- /tmp/log | tail -n 1 >&2; exit 1; }
password=$(cat /run/secrets/oracle_password)
sqlplus -s / as sysdba >/tmp/log <<SQL
set define off
whenever sqlerror exit failure
alter user sys identified by "$password";
alter user system identified by "$password";
alter session set container = FREEPDB1;
alter user analyst identified by "$password" account unlock;
SQL
status=$?
grep ORA- /tmp/log >&2
lsnrctl stop >/dev/null
echo 'shutdown immediate' | sqlplus -s / as sysdba >/dev/null
exit "$status"
