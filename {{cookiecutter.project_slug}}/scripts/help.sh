#!/bin/sh
# Lists the commands: the targets with a ## comment, here and in the services, and what every service has.
cd -- "$(dirname -- "$0")/.." || exit
. scripts/common.sh

row() { printf '  %-18s %s\n' "$1" "$2"; }

list() {
  awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-18s %s\n", $1, $2 }' "$@"
}

list Makefile
for service in $(services); do
  echo
  row "example-$service" "Try $service: what can be done with it, from start to end"
  [ ! -f "services/$service/backup.sh" ] || row "backup-$service" "Write what it stores to data/backups/"
  [ ! -f "services/$service/restore.sh" ] || row "restore-$service" 'Put the newest backup back, or FILE=...'
  [ ! -f "services/$service/password.sh" ] || row "password-$service" 'Give it the password that is in .env'
  [ ! -f "services/$service/service.mk" ] || list "services/$service/service.mk"
done
echo
echo '  For any of them: ACCELERATOR=cpu|cuda  GPUS=all|0,1  PORT=8888  DATA_DIR=./data  DOCKER=docker|podman  V=1'
