#!/bin/sh
# install.sh LIST   in an image build: installs the Debian packages in LIST, one a line, # for comments
set -eu
packages=$(sed 's/#.*//' "$1")
apt_get() { DEBIAN_FRONTEND=noninteractive apt-get --quiet --option Dir::Cache::pkgcache=/tmp/pkgcache.bin "$@"; }
apt_get update
# shellcheck disable=SC2086 # one word for each package
apt_get install --yes --no-install-recommends $packages
# No program may lend root's rights.
find / -xdev -type f -perm /6000 -exec chmod a-s {} +
rm -f /tmp/pkgcache.bin
find /var/lib/apt/lists /var/cache/apt -type f ! -name lock -delete
# No file has the time of the build: the same packages give the same image. A file of the base is emptied, since the mark
# of its removal would have that time. The engine makes /dev when a step starts.
start=@$(($(stat -c %Y /dev) - 10))
find /var/log /var/cache/ldconfig /var/cache/fontconfig -type f -newermt "$start" -exec truncate --size 0 {} +
find / -xdev \( -path /proc -o -path /sys \) -prune -o -newermt "$start" \( -type l -o -writable \) \
  -exec touch --no-dereference --date=@315532800 {} +
