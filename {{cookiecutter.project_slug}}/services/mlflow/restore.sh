#!/bin/sh
{% if "postgres" in cookiecutter.services | picked %}
echo 'the runs are in Postgres, so it takes two steps: see services/mlflow/README.md' >&2
exit 1
{% else %}
set -eu
cd /var/tmp
rm -rf restore
mkdir restore
tar --extract --gzip --directory restore
# The server goes on: it sees the old runs or the restored ones, never half of both.
python -c "
import sqlite3
from mlflow.db import commands
commands.main(['upgrade', 'sqlite:///restore/mlflow.db'], standalone_mode=False)
sqlite3.connect('restore/mlflow.db').backup(sqlite3.connect('mlflow.db'))
"
rm -rf artifacts
mv restore/artifacts artifacts
rm -r restore
{% endif %}
