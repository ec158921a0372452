#!/bin/sh
{% if "postgres" in cookiecutter.services | picked %}
echo 'the runs are in Postgres, so it takes two steps: see services/mlflow/README.md' >&2
exit 1
{% else %}
set -eu
cd /var/tmp
rm -rf backup
mkdir backup
# First the runs, then their files: a run of the meantime is in neither, or its files are too many.
python -c "import sqlite3; sqlite3.connect('mlflow.db').execute(\"vacuum into 'backup/mlflow.db'\")"
mkdir -p artifacts
tar --create --gzip --directory backup mlflow.db --directory .. artifacts
rm -r backup
{% endif %}
