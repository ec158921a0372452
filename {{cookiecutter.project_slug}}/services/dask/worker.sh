#!/bin/sh
# worker.sh OPTION...   in the container: keeps a worker running. One ends with its scheduler, the next waits for that.
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
