#!/bin/sh
# load.sh ADDRESS SECONDS CONNECTIONS   in the container of api-load: posts standard input there, again and again
set -eu
export LOAD_BODY=/tmp/body.json
cat >"$LOAD_BODY"
wrk --duration "${2}s" --connections "$3" --threads 1 --timeout 5s --script /opt/load/load.lua "$1" >/tmp/said 2>&1 || {
  cat /tmp/said >&2
  exit 1
}
grep -E '^(answered|p50)=' /tmp/said
# A fast refusal is no measurement.
grep -Eq '^answered=[1-9][0-9]* refused=0 failed=0$' /tmp/said || {
  echo 'error: not all requests were answered. See make logs SERVICE=api.' >&2
  exit 1
}
