#!/bin/sh
set -eu
[ -z "${MLFLOW_DATABASE:-}" ] || {
  echo "the runs are in the database of MLFLOW_DATABASE; see 'Another database' in services/mlflow/README.md" >&2
  exit 1
}
cd /var/tmp
rm -rf restore
mkdir restore
tar --extract --gzip --directory restore
[ -s restore/mlflow.db ] && [ -d restore/artifacts ] || { echo 'it is not a backup of mlflow' >&2; exit 1; }
# The server keeps running: it sees the old runs or the restored ones, never half of each.
python -c "
import sqlite3
from mlflow.db import commands
commands.main(['upgrade', 'sqlite:///restore/mlflow.db'], standalone_mode=False)
sqlite3.connect('restore/mlflow.db').backup(sqlite3.connect('mlflow.db'))
"
[ ! -d artifacts ] || mv artifacts restore/before
mv restore/artifacts artifacts
rm -r restore
