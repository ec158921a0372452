#!/bin/sh
# Stops every container of this project, also those of `make run` in another terminal. Removes nothing.
cd -- "$(dirname -- "$0")/.." || exit
. scripts/common.sh

settings
engine_ready
containers=$("$DOCKER" ps --quiet --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME")
if [ -z "$containers" ]; then
  echo 'nothing is running'
else
  # shellcheck disable=SC2086 # one word for each container
  engine stop $containers >/dev/null
  echo stopped
fi
