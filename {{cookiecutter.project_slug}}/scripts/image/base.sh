#!/bin/sh
# base.sh PYTHON APT   in an image build: makes of any base with glibc what the later steps need, with that Python in
#                      /opt/venv and the system packages in the list APT
set -eu
glibc=''
for loader in /lib*/ld-linux* /lib*/ld64*; do [ ! -e "$loader" ] || glibc=$loader; done
[ -n "$glibc" ] || {
  echo 'error: the base image has no glibc, which Python packages need. Use one of Debian, Ubuntu or Red Hat, or a kin of theirs.' >&2
  exit 1
}
# A stand-in: make runs containers as whoever called it.
grep -q '^[^:]*:[^:]*:10001:' /etc/passwd || echo 'user:x:10001:10001::/home/user:/bin/bash' >>/etc/passwd
grep -q '^[^:]*:[^:]*:10001:' /etc/group || echo 'user:x:10001:' >>/etc/group
install --directory --owner 10001 --group 10001 /home/user /workspace
install --directory --mode 1777 /cache
# No program may lend root's rights.
find / -xdev -type f -perm /6000 -exec chmod a-s {} +
"$(dirname "$0")/apt-install.sh" "$2"
# One that is in the base already is used; a base without one gets uv's.
uv venv --python "$1" /opt/venv
