#!/bin/sh
# build.sh dev       the image for work here, PROJECT:ACCELERATOR
# build.sh release   the small image, PROJECT:release
# build.sh lock      uv.lock from pyproject.toml; UPGRADE=1 takes the newest versions
# build.sh add       adds the variable PKG to pyproject.toml and uv.lock
cd -- "$(dirname -- "$0")/.." || exit
. scripts/common.sh

# The build's steps as they start, without those that are cached; its whole output stays in .local/build.log.
steps() {
  held=
  while IFS= read -r line; do
    printf '%s\n' "$line" >&3
    case $line in
      '#'*' CACHED' | '#'*' [internal] '* | '#'*' FROM '*) held= ;;
      '#'[0-9]' ['* | '#'[0-9][0-9]' ['*) held=${line#* } ;;
      *) [ -z "$held" ] || printf '  %s\n' "$held" | sed 's/--mount=[^ ]* *//g; s/   */ /g' | cut -c 1-100; held= ;;
    esac
  done 3>.local/build.log
}

build() {
  set -- build --progress plain --build-arg "ACCELERATOR=$ACCELERATOR" "$@"
  # Docker hands these to the build without writing them into the image.
  for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
    eval "[ -z \"\${$name:-}\" ]" || set -- "$@" --build-arg "$name"
  done
  if [ "${V:-}" = 1 ]; then
    engine "$@" . || fail 'the build failed, as said above.'
    return
  fi
  { "$DOCKER" "$@" . 2>&1 || echo "exit status $?"; } | steps
  if grep -q '^exit status ' .local/build.log; then explain .local/build.log; fi
}

lock() {
  build --target lock --no-cache-filter resolve --output . "$@"
  hand_over pyproject.toml uv.lock
}

# A name with extras and versions, as in PEP 508; several are separated by spaces.
requirement='[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?(\[[A-Za-z0-9._,-]+\])?([<>=!~]=?[A-Za-z0-9.*+!,<>=~]+)?'

settings
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
    echo "building $IMAGE"
    build --target dev --tag "$IMAGE"
    echo "built $IMAGE; next: make notebook"
    ;;
  release)
    echo "building $PROJECT:release"
    build --target release --tag "$PROJECT:release" --tag "$PROJECT:release-$ACCELERATOR"
    echo "built $PROJECT:release"
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
