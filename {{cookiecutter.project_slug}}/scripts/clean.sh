#!/bin/sh
# Removes this project's containers, network and caches. Volumes that hold data are not touched, nor is any file that
# a person made.
cd -- "$(dirname -- "$0")/.." || exit
. scripts/common.sh

find src tests notebooks -name __pycache__ -type d -prune -exec rm -rf {} +
rm -rf .pytest_cache .ruff_cache .local/build.log
ready
compose down --remove-orphans
engine volume rm --force "${COMPOSE_PROJECT_NAME}_cache" >/dev/null
echo 'removed caches and containers; data, models, notebooks and reports are as they were'
