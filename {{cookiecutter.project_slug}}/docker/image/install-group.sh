#!/bin/sh
# install-group.sh PROJECT GROUP   in an image build: installs the packages of a group in PROJECT/pyproject.toml, from uv.lock
set -eu
. "$(dirname "$0")/network.sh"
# The home folder is in a volume.
export UV_CACHE_DIR=/root/.cache/uv
uv export --quiet --project "$1" --frozen --only-group "$2" --no-header --no-annotate --output-file /tmp/group.txt
uv pip install --requirements /tmp/group.txt
rm /tmp/group.txt
