#!/bin/sh
# example.sh SERVICE   starts it, and runs its example: in the image for work, or, where it is a script, here
cd -- "$(dirname -- "$0")/.." || exit
. scripts/common.sh

SERVICE=$1
export SERVICE
[ -n "$SERVICE" ] || fail "there is no service. Use make example-$(services | head -n 1)."
scripts/services.sh need
if [ -f "services/$SERVICE/example.sh" ]; then exec sh "services/$SERVICE/example.sh"; fi
exec scripts/run.sh python "services/$SERVICE/example.py"
