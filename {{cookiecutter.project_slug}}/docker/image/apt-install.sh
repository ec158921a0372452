#!/bin/sh
# apt-install.sh LIST [FOLDER]   in an image build: installs the Debian or Ubuntu packages in LIST, one per line, # for
#                                comments. Copies what it wrote to FOLDER, if there is one, for another stage.
set -eu
. "$(dirname "$0")/network.sh"
packages=$({ echo && sed 's/#.*//' "$1"; } | tr -s '[:space:]' ' ')
[ "$packages" != ' ' ] && [ -n "$packages" ] || exit 0
command -v apt-get >/dev/null || {
  echo "error: the base image has no apt-get, which${packages% } would need. Use a base image that contains these packages, and remove their lines." >&2
  exit 1
}
start=$(mktemp)
# Debian's images configure apt without a package cache, so that it would read its lists twice.
apt_get() { DEBIAN_FRONTEND=noninteractive apt-get --quiet --option Dir::Cache::pkgcache=/tmp/pkgcache.bin "$@"; }
apt_get update
# Debian's slim images have no folders for manuals, in which some packages create links.
mkdir -p /usr/share/man/man1 /usr/share/man/man7
# shellcheck disable=SC2086 # one word for each package
apt_get install --yes --no-install-recommends $packages
find / -xdev -type f -perm /6000 -exec chmod a-s {} +
find /var/lib/apt/lists /var/cache/apt -type f ! -name lock -delete
# An image notes when a file of its base was removed, but not when one was emptied.
find /var/log/apt /var/log/dpkg.log /var/log/alternatives.log /var/cache/ldconfig/aux-cache -type f -exec truncate --size 0 {} + 2>/dev/null || true
if [ $# = 2 ]; then
  cd /
  # By the change time: an unpacked file has the modification time that it had in its package.
  find . -xdev \( -path ./dev -o -path ./proc -o -path ./sys -o -path ./tmp -o -path ".$2" \) -prune -o \
    -cnewer "$start" -print0 |
    tar --create --null --no-recursion --files-from - | tar --extract --directory "$2"
fi
rm -f "$start" /tmp/pkgcache.bin
