#!/bin/sh
# resolve.sh   in an image build: adds the packages in PKG to pyproject.toml, or removes those in REMOVE, and writes uv.lock
set -eu
if [ -n "${PKG:-}" ]; then
  echo "$PKG" | uv add --no-sync ${GROUP:+--group "$GROUP"} --requirements -
elif [ -n "${REMOVE:-}" ]; then
  # shellcheck disable=SC2086 # one word for each package
  uv remove --no-sync ${GROUP:+--group "$GROUP"} $REMOVE
else
  uv lock ${UPGRADE:+"$UPGRADE"}
fi
