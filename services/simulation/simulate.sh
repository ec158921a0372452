#!/bin/sh
# Simulate the runs of SWEEP that S3 does not have yet.
cd -- "$(dirname -- "$0")/../.." || exit
. docker/lib/all.sh

export SWEEP="${SWEEP:-}" JOBS="${JOBS:-}"
prepare
ensure_running simulation
# Without a server here, nothing else has read the password in .env.
update_secrets simulation || true
"$DOCKER" image inspect "$PROJECT-simulation" >/dev/null 2>&1 || echo 'building simulation'
build_containers simulation
run_container simulation </dev/null
