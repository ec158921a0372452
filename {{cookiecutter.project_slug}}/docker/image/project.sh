#!/bin/sh
# project.sh SOURCE PACKAGE   in an image build: installs the project in the folder SOURCE, and compiles its package
set -eu
. "$(dirname "$0")/network.sh"
cp -R "$1" /tmp/source
uv build --quiet --wheel --out-dir /tmp/wheel /tmp/source
uv pip install --no-deps /tmp/wheel/*.whl
rm -r /tmp/source /tmp/wheel
"$(dirname "$0")/forget-origin.sh"
python -B "$(dirname "$0")/bytecode.py" /opt/venv/lib/python3.*/site-packages/"$2"
