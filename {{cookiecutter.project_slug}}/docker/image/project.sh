#!/bin/sh
# project.sh SOURCE PACKAGE   in an image build: installs the project in the folder SOURCE, and compiles its package
set -eu
cp -R "$1" /tmp/source
uv build --quiet --wheel --out-dir /tmp/wheel /tmp/source
uv pip install --no-deps /tmp/wheel/*.whl
rm -r /tmp/source /tmp/wheel
site=$(python -BIc 'import sysconfig; print(sysconfig.get_path("purelib"))')
# uv records when and where it found the wheel. That differs in each build, and only uv uses it.
find "$site" -maxdepth 2 \( -name uv_cache.json -o -name direct_url.json \) | while read -r note; do
  sed -i "/${note##*/}/d" "${note%/*}/RECORD"
  rm "$note"
done
python -B "$(dirname "$0")/bytecode.py" "$site/$2"
