#!/bin/sh
# install.sh LIST   in an image build: installs the packages in LIST
set -eu
. "$(dirname "$0")/network.sh"
if [ -z "${package_index:-}" ] && ! head -n 1 "$1" | grep -q '^# by hash'; then
  exec uv pip install --requirements "$1"
fi
# From the default index, whichever it is: the same files, found by their hashes. Other packages name their index.
awk -v RS= -v ORS='\n\n' '!/\nname = / || /\nindex = /' "$1" >/tmp/pylock.named.toml
awk -v RS= '
  /\nname = / && !/\nindex = / {
    text = $0
    match(text, /\nname = "[^"]*/); line = substr(text, RSTART + 9, RLENGTH - 9)
    match(text, /\nversion = "[^"]*/); line = line "==" substr(text, RSTART + 12, RLENGTH - 12)
    if (match(text, /\nmarker = "[^"]*/)) line = line " ; " substr(text, RSTART + 11, RLENGTH - 11)
    while (match(text, /sha256 = "[^"]*/)) { line = line " --hash=sha256:" substr(text, RSTART + 10, RLENGTH - 10); text = substr(text, RSTART + RLENGTH) }
    print line
  }' "$1" >/tmp/requirements.txt
[ ! -s /tmp/requirements.txt ] || uv pip install --no-deps --require-hashes --requirements /tmp/requirements.txt
! grep -q '^name = ' /tmp/pylock.named.toml || uv pip install --requirements /tmp/pylock.named.toml
rm /tmp/pylock.named.toml /tmp/requirements.txt
