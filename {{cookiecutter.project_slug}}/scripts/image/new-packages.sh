#!/bin/sh
# new-packages.sh FOLDER   in an image build: installs into FOLDER the packages in PKG and what they need, as far as the
#                          uv.lock here does not have them, in versions that go with it
set -eu
# shellcheck disable=SC2046 # two words, or none
uv export --quiet --frozen --all-groups $("$(dirname "$0")/extra.sh") --no-hashes --no-header --no-annotate --no-emit-project \
  --output-file /tmp/before.txt
echo "$PKG" | uv pip compile --quiet --generate-hashes --no-header --no-annotate --constraints /tmp/before.txt \
  --output-file /tmp/all.txt -
awk -F '==' 'FILENAME == ARGV[1] { before[$1]; next } !/^ / { on = !($1 in before) } on' \
  /tmp/before.txt /tmp/all.txt >/tmp/new.txt
uv pip install --no-deps --require-hashes --target "$1" --requirements /tmp/new.txt
