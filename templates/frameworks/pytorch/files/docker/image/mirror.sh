#!/bin/sh
# mirror.sh URL   in an image build: print the address of PyTorch's index in pyproject.toml and replace it with URL. An
#                 empty URL changes nothing.
set -eu
entry='/^name = "pytorch"$/{n'
sed -n "$entry"';s/^url = "\(.*\)"$/\1/p;}' pyproject.toml
[ -n "$1" ] || exit 0
url=$(printf '%s' "$1" | sed 's/[\\&|]/\\&/g')
sed -i "$entry"';s|^url = .*|url = "'"$url"'"|;}' pyproject.toml
