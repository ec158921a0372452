#!/bin/sh
# mirror.sh URL   in an image build: makes URL, if it is not empty, the address of PyTorch's index in pyproject.toml, and
#                 prints the one that it had
set -eu
entry='/^name = "pytorch"$/{n'
sed -n "$entry"';s/^url = "\(.*\)"$/\1/p;}' pyproject.toml
[ -n "$1" ] || exit 0
url=$(printf '%s' "$1" | sed 's/[\\&|]/\\&/g')
sed -i "$entry"';s|^url = .*|url = "'"$url"'"|;}' pyproject.toml
