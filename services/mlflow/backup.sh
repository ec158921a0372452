#!/bin/sh
set -eu
[ -z "${MLFLOW_DATABASE:-}" ] || {
  echo "the runs are in the database of MLFLOW_DATABASE; see 'Another database' in services/mlflow/README.md" >&2
  exit 1
}
cd /var/tmp
rm -rf backup
mkdir backup
# Runs first, then files: a run that starts in between is missing, but no run lacks its files.
python -c "import sqlite3; sqlite3.connect('mlflow.db').execute(\"vacuum into 'backup/mlflow.db'\")"
mkdir -p artifacts
tar --create --gzip --directory backup mlflow.db --directory .. artifacts
rm -r backup
