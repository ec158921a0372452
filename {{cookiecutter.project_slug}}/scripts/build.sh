#!/bin/sh
# build.sh dev       the image for work here, PROJECT:ACCELERATOR
# build.sh release   the small image, PROJECT:release
# build.sh lock      uv.lock from pyproject.toml; UPGRADE=1 takes the newest versions
# build.sh add       adds the variable PKG to pyproject.toml and uv.lock
cd -- "$(dirname -- "$0")/.." || exit
. scripts/common.sh

# The build's steps as they start, without those that are cached; its whole output stays in .local/build.log.
steps() {
  held='' shown=''
  while IFS= read -r line; do
    printf '%s\n' "$line" >&3
    case $line in
      '#'*' CACHED' | '#'*' [internal] '* | '#'*' FROM '*) held='' ;;
      '#'[0-9]' ['* | '#'[0-9][0-9]' ['*) held=${line#* } ;;
      *)
        case $steps$shown in none* | *"$held"*) ;; *) printf '%s\n' "$held" | sed 's/--mount=[^ ]* *//g; s/  */ /g' | cut -c 1-100 ;; esac
        shown="$shown|$held" held=''
        ;;
    esac
  done 3>.local/build.log
}

# The repository's address for the image's label, without a password that may be in it.
source_url() {
  git config --get remote.origin.url 2>/dev/null |
    sed -e 's|^[^/@:]*@\([^:/]*\):|https://\1/|' -e 's|^ssh://|https://|' -e 's|^\(https*://\)[^/@]*@|\1|' -e 's|\.git$||' |
    grep '^https*://' || true
}

build() {
  # shellcheck disable=SC2086 # two words, or none
  set -- build $plain --build-arg "ACCELERATOR=$ACCELERATOR" "$@"
  # Docker hands these to the build without writing them into the image.
  for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
    eval "[ -z \"\${$name:-}\" ]" || set -- "$@" --build-arg "$name"
  done
  if [ "${V:-}" = 1 ]; then
    engine "$@" . || fail 'the build failed, as said above.'
    return
  fi
  { "$DOCKER" "$@" . 2>&1 || echo "exit status $?"; } | steps
  hand_over .local/build.log
  if grep -q '^exit status ' .local/build.log; then explain .local/build.log; fi
}

image() { # STAGE TAG...
  stage=$1
  shift
  echo "building $1"
  built=$1
  for tag; do
    set -- "$@" --tag "$tag"
    shift
  done
  version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml | head -n 1)
  build --target "$stage" --build-arg "VERSION=$version" --build-arg "SOURCE=$(source_url)" "$@"
  # What this build has replaced, unless it still runs.
  "$DOCKER" image prune --force --filter "label=org.opencontainers.image.title=$PROJECT" >/dev/null
  echo "built $built"
}

lock() {
  echo 'looking for versions that fit together'
  steps=none
  # shellcheck disable=SC2086 # as above
  build --target lock $anew --output type=local,dest=. "$@"
  steps=shown
  hand_over pyproject.toml uv.lock
}
steps=shown

# A name with extras and versions, as in PEP 508; several are separated by spaces.
requirement='[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?(\[[A-Za-z0-9._,-]+\])?([<>=!~]=?[A-Za-z0-9.*+!,<>=~]+)?'

settings
# What podman calls otherwise, or does not have.
case ${DOCKER##*/} in
  podman) plain='' anew=--no-cache ;;
  *) plain='--progress plain' anew='--no-cache-filter resolve' ;;
esac
case $1 in
  add)
    [ -n "${PKG:-}" ] || fail 'there is no package. Use make add PKG=name.'
    printf '%s\n' "$PKG" | grep -Eqx "$requirement( +$requirement)*" ||
      fail "'$PKG' is not the name of a package. Use make add PKG=name, or PKG='name>=1.2'."
    ;;
esac
engine_ready
buildx_ready
disk_ready
identity
local_files

case $1 in
  dev | release)
    if [ ! -f uv.lock ]; then
      echo 'writing uv.lock, which fixes the version of every package: commit it'
      lock
    fi
    ;;
esac
case $1 in
  dev)
    image dev "$IMAGE"
    echo 'next: make notebook'
    ;;
  release)
    image release "$PROJECT:release" "$PROJECT:release-$ACCELERATOR"
    ;;
  lock)
    [ -z "${UPGRADE:-}" ] || set -- lock --build-arg UPGRADE=--upgrade
    shift
    lock "$@"
    echo 'wrote uv.lock; next: make build'
    ;;
  add)
    lock --build-arg "PKG=$(printf '%s' "$PKG" | tr -s ' ' '\n')"
    echo "added $PKG; next: make build"
    ;;
esac
