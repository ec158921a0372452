#!/bin/sh
# install-built.sh LIST FOLDER   in an image build: installs the packages in LIST, and copies what this writes to FOLDER
set -eu
. "$(dirname "$0")/network.sh"
mkdir -p "$2"
grep -q '^name = ' "$1" || exit 0
start=$(mktemp)
"$(dirname "$0")/explain.py" "$(dirname "$0")/install.sh" "$1"
"$(dirname "$0")/forget-origin.sh"
cd /
find opt/venv \( -type f -o -type l \) ! -name .lock -cnewer "$start" -print0 |
  tar --create --remove-files --null --files-from - | tar --extract --directory "$2"
rm "$start"
