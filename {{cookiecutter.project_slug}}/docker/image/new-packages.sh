#!/bin/sh
# new-packages.sh FOLDER   in an image build: installs what PKG needs and uv.lock lacks into FOLDER, in versions that fit
set -eu
. "$(dirname "$0")/network.sh"
mkdir -p "$1"
# The packages of an editor are only in its own image.
editors=$(sed -n 's/^\(ui-[a-z0-9-]*\) = .*/--no-group \1/p' pyproject.toml)
# shellcheck disable=SC2046,SC2086 # two words, or none
uv export --quiet --frozen --all-groups $editors $("$(dirname "$0")/extra.sh") --no-hashes --no-header --no-annotate --no-emit-project \
  --output-file /tmp/all-before.txt
# Not those from git, files and folders, which cannot be constraints.
grep -E '^[A-Za-z0-9._-]+==' /tmp/all-before.txt >/tmp/before.txt
echo "$PKG" | uv pip compile --quiet --generate-hashes --no-header --no-annotate --constraints /tmp/before.txt \
  --output-file /tmp/all.txt -
awk -F '==' 'FILENAME == ARGV[1] { before[$1]; next } !/^ / { on = !($1 in before) } on' \
  /tmp/before.txt /tmp/all.txt >/tmp/new.txt
uv pip install --no-deps --require-hashes --target "$1" --requirements /tmp/new.txt
