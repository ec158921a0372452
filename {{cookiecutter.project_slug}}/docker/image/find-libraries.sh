#!/bin/sh
# find-libraries.sh LIBRARY...   in an image build: prints the Debian packages that contain these shared libraries, on one line
set -eu
. "$(dirname "$0")/network.sh"
apt-get update >/dev/null
DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends apt-file >/dev/null 2>&1
# It fails if one of the archive's lists is missing, and uses the others.
apt-file update >/dev/null 2>&1 || true
names=$(echo "$*" | sed 's/[.+]/\\&/g' | tr ' ' '|')
apt-file search --regexp "^/(usr/)?lib/[^/]*/?($names)\$" | sed -n 's/^\(lib[^:]*\): .*/\1/p' | sort -u | paste -s -d ' ' -
