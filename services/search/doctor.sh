#!/bin/sh
# OpenSearch maps the files of its indexes into memory. A single node starts with any limit, but large indexes need more:
# https://docs.opensearch.org/latest/install-and-configure/install-opensearch/index/#important-settings
. docker/lib/all.sh

needed=262144
load_settings
# The engine's limit: with Docker Desktop, that of its virtual machine. Any image will do, and this one may be built.
limit=$("$DOCKER" run --rm --network none "$IMAGE" cat /proc/sys/vm/max_map_count 2>/dev/null) || {
  note 'vm.max_map_count is not checked yet: make build'
  exit
}
[ "$limit" -ge "$needed" ] ||
  note "vm.max_map_count is $limit, which is too low for large indexes. On Linux: sudo sysctl -w vm.max_map_count=$needed; on Docker Desktop for Windows: wsl -d docker-desktop sysctl -w vm.max_map_count=$needed."
