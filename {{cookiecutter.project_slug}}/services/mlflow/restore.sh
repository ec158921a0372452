#!/bin/sh
{% if "postgres" in cookiecutter.services | picked %}
# Into a database of its own, which takes the place of the other one when it and the files are whole.
# In: postgres
set -eu
sql() { psql --username analyst --dbname postgres --no-psqlrc --quiet --set ON_ERROR_STOP=1; }
echo 'set client_min_messages = warning; drop database if exists mlflow_restored with (force)' | sql
echo 'create database mlflow_restored template template0' | sql
pg_restore --username analyst --dbname mlflow_restored --single-transaction
# In: mlflow
set -eu
PYTHONPATH=services/mlflow:$PYTHONPATH python -c "
from mlflow.db import commands
from server import database
commands.main(['upgrade', database('mlflow_restored')], standalone_mode=False)
"
cd /var/tmp
rm -rf restore
mkdir restore
tar --extract --gzip --directory restore
# What a run has stored does not change, so what belongs to others can stay.
cp -R restore/artifacts .
rm -r restore
# In: postgres
psql --username analyst --dbname postgres --no-psqlrc --quiet --set ON_ERROR_STOP=1 <<'SQL'
set client_min_messages = warning;
drop database if exists mlflow_before with (force);
-- A new Postgres has none before the server starts anew.
select 'create database mlflow' where not exists (select from pg_database where datname = 'mlflow') \gexec
select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = 'mlflow';
begin;
alter database mlflow rename to mlflow_before;
alter database mlflow_restored rename to mlflow;
commit;
drop database mlflow_before;
SQL
{% else %}
set -eu
cd /var/tmp
rm -rf restore
mkdir restore
tar --extract --gzip --directory restore
[ -s restore/mlflow.db ] && [ -d restore/artifacts ] || { echo 'it is no backup of mlflow' >&2; exit 1; }
# The server goes on: it sees the old runs or the restored ones, never half of both.
python -c "
import sqlite3
from mlflow.db import commands
commands.main(['upgrade', 'sqlite:///restore/mlflow.db'], standalone_mode=False)
sqlite3.connect('restore/mlflow.db').backup(sqlite3.connect('mlflow.db'))
"
[ ! -d artifacts ] || mv artifacts restore/before
mv restore/artifacts artifacts
rm -r restore
{% endif %}
