#!/bin/sh
# load.sh SECONDS CONNECTIONS NAME=URL...   in the container modelserver-load: post standard input to each URL again and
# again, one URL after the other
set -eu
seconds=$1 connections=$2
shift 2
export LOAD_BODY=/tmp/body.json LOAD_NAME
cat >"$LOAD_BODY"

# load URL SECONDS: write what was measured to /tmp/log, and fail if a request was refused.
load() {
  wrk --duration "${2}s" --connections "$connections" --threads 1 --timeout 5s --script /opt/load/load.lua "$1" >/tmp/log 2>&1 || {
    cat /tmp/log >&2
    exit 1
  }
  # Refusing quickly does not count as speed.
  grep -Eq ' answered=[1-9][0-9]* refused=0 failed=0 ' /tmp/log || {
    cat /tmp/log >&2
    echo "error: some requests were not answered. See make logs SERVICE=$LOAD_NAME." >&2
    exit 1
  }
}

for server; do
  LOAD_NAME=${server%%=*}
  # Java compiles the code while it runs.
  load "${server#*=}" 3
  load "${server#*=}" "$seconds"
  grep '^[a-z]* *answered=' /tmp/log
done
