#!/bin/sh
# worker.sh OPTION...   in a dask-worker container: run a worker, and start another when it ends with its scheduler
stop() {
  kill "$worker" 2>/dev/null
  wait "$worker"
  exit 0
}
trap stop INT TERM
while :; do
  dask worker tcp://dask:8786 "$@" &
  worker=$!
  wait "$worker"
  sleep 1
done
