#!/bin/sh
# load.sh URL SECONDS CONNECTIONS   in the container api-load: post standard input to URL again and again
set -eu
export LOAD_BODY=/tmp/body.json
cat >"$LOAD_BODY"
wrk --duration "${2}s" --connections "$3" --threads 1 --timeout 5s --script /opt/load/load.lua "$1" >/tmp/log 2>&1 || {
  cat /tmp/log >&2
  exit 1
}
grep -E '^(answered|p50)=' /tmp/log
# Refusing quickly does not count as speed.
grep -Eq '^answered=[1-9][0-9]* refused=0 failed=0$' /tmp/log || {
  echo 'error: some requests were not answered. See make logs SERVICE=api.' >&2
  exit 1
}
