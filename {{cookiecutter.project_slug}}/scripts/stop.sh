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
  names=$("$DOCKER" inspect --format '{{index .Config.Labels "com.docker.compose.service"}}' $containers 2>/dev/null) || true
  # shellcheck disable=SC2086 # as above
  engine stop $containers >/dev/null
  echo stopped
  if echo "$names" | grep . | grep -qvx -e lab -e task; then note "services were stopped too. 'make up' starts them."; fi
fi
