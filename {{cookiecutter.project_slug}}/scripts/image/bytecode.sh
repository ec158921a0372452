#!/bin/sh
# bytecode.sh FOLDER   in an image build: compiles the packages in that folder, but for their tests, which nobody imports
set -eu
# Valid whatever the files' times, and the same in each build: so no random order, and each process has a fixed share,
# since what it compiled before shows in what it writes.
find "$1" -mindepth 1 -maxdepth 1 ! -name '*-info' ! -name __pycache__ | sort |
  PYTHONHASHSEED=0 xargs -n 4 -P "$(nproc)" python -B -m compileall -q -x '/tests/' --invalidation-mode unchecked-hash
