#!/bin/sh
# base.sh PYTHON APT   in an image build: installs this version of Python in /opt/venv and the packages in the list APT
set -eu
. "$(dirname "$0")/network.sh"
find /lib*/ -maxdepth 1 \( -name 'ld-linux*' -o -name 'ld64*' \) 2>/dev/null | grep -q . || {
  echo 'error: the base image has no glibc, which Python packages need. Use one that is made from Debian, Ubuntu or Red Hat.' >&2
  exit 1
}
# The image's default user. make runs containers as you instead.
grep -q '^[^:]*:[^:]*:10001:' /etc/passwd || echo 'user:x:10001:10001::/home/user:/bin/bash' >>/etc/passwd
grep -q '^[^:]*:[^:]*:10001:' /etc/group || echo 'user:x:10001:' >>/etc/group
install --directory --owner 10001 --group 10001 /home/user /workspace
install --directory --mode 1777 /cache
# No program may give its user root's privileges.
find / -xdev -type f -perm /6000 -exec chmod a-s {} +
"$(dirname "$0")/apt-install.sh" "$2"
install --mode 755 "$(dirname "$0")/healthcheck.py" /usr/local/bin/healthcheck
# If the base image has no such Python, uv downloads one.
uv venv --python "$1" /opt/venv
