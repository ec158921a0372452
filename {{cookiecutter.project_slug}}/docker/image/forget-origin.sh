#!/bin/sh
# forget-origin.sh   in an image build: removes uv's notes on when and where it found packages, which differ in each build
set -eu
find /opt/venv/lib/python3.*/site-packages -maxdepth 2 \( -name uv_cache.json -o -name direct_url.json \) | while read -r note; do
  sed -i "/${note##*/}/d" "${note%/*}/RECORD"
  rm "$note"
done
