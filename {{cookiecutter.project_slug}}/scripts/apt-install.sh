#!/bin/sh
# apt-install.sh LIST   in an image build: installs the Debian or Ubuntu packages in LIST, one a line, # for comments
set -eu
packages=$(sed 's/#.*//' "$1" | tr -s '[:space:]' ' ')
[ "$packages" != ' ' ] && [ -n "$packages" ] || exit 0
export DEBIAN_FRONTEND=noninteractive
apt-get update --quiet
# shellcheck disable=SC2086 # one word for each package
apt-get install --quiet --yes --no-install-recommends $packages
find / -xdev -type f -perm /6000 -exec chmod a-s {} +
rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log /var/log/alternatives.log
