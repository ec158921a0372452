#!/bin/sh
# template.sh TEMPLATE COMMIT FOLDER   in the build of add-service.Dockerfile: checks out the template into FOLDER, from
#                                      the clone in /in if there is one, or else from its address
set -eu
fail() {
  echo "error: the template $*" >&2
  exit 1
}
command -v git >/dev/null || fail 'needs git, which is not in the image. Put git into apt-dev.txt, then: make build.'
from=$1
if [ -d /in/template.git ]; then
  from=/in/template.git
  git config --global safe.directory '*'
fi
# Not every base image has certificates; Python's packages do.
[ -e /etc/ssl/certs/ca-certificates.crt ] || [ -n "${SSL_CERT_FILE:-}" ] ||
  GIT_SSL_CAINFO=$(PYTHONPATH=/tmp/packages python -m certifi)
export GIT_SSL_CAINFO="${GIT_SSL_CAINFO:-${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}}"
git clone --quiet --no-checkout -- "$from" "$3" ||
  fail "$1 cannot be fetched. Check the network, the proxy (HTTPS_PROXY), and the address in .cruft.json."
cd -- "$3"
git cat-file -e "$2^{commit}" 2>/dev/null || git fetch --quiet origin "$2" 2>/dev/null || true
git checkout --quiet --detach "$2" ||
  fail "$1 has no commit $2, which made this project. Fetch it there, or correct the address in .cruft.json."
