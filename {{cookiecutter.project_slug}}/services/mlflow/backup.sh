#!/bin/sh
{% if "postgres" in cookiecutter.services | picked %}
# First the runs, then their files: a run of the meantime is in neither, or its files are too many.
# In: postgres
pg_dump --username analyst --format custom mlflow
# In: mlflow
set -eu
cd /var/tmp
mkdir -p artifacts
tar --create --gzip artifacts
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
