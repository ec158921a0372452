#!/bin/sh
# build.sh dev       the image for work here, PROJECT:ACCELERATOR
# build.sh release   the small image, PROJECT:release
# build.sh lock      uv.lock from pyproject.toml; UPGRADE=1 takes the newest versions
# build.sh add       adds the variable PKG to pyproject.toml and uv.lock
# build.sh locked    uv.lock, where it is missing
# build.sh again STAGE TAG FOLDER   from the copy of this project in FOLDER, and without the cache
# build.sh out NEW FOLDER OPTION...   what comes out of another build in FOLDER, into the folder NEW
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

# When the newest package in uv.lock was published, in seconds since 1970; 1980 where an index does not say.
newest_package() {
  sed -n 's/.*upload-time = "\([^"]*\)".*/\1/p' uv.lock | sort | tail -n 1 | awk -F '[-T:.Z]' '
    function days(year, month, day) { # since the year 0, in the calendar of today; years begin in March
      if (month < 3) { year--; month += 12 }
      return 365 * year + int(year / 4) - int(year / 100) + int(year / 400) + int((153 * month - 457) / 5) + day
    }
    { seconds = 86400 * (days($1, $2, $3) - days(1970, 1, 1)) + 3600 * $4 + 60 * $5 + $6 }
    END { printf "%.0f\n", seconds ? seconds : 315532800 }'
}

build() {
  # shellcheck disable=SC2086 # two words, or none
  set -- build $plain --build-arg "ACCELERATOR=$ACCELERATOR" "$@"
  # Arguments of the Dockerfile that a person can set.
  for name in $BUILD_ARGUMENTS; do
    setting "$name" ''
    eval "[ -z \"\$$name\" ]" || set -- "$@" --build-arg "$name"
  done
  # Docker hands these to the build without writing them into the image.
  for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
    eval "[ -z \"\${$name:-}\" ]" || set -- "$@" --build-arg "$name"
  done
  if [ "${V:-}" = 1 ]; then
    engine "$@" "$folder" || fail 'the build failed, as said above.'
    return
  fi
  { "$DOCKER" "$@" "$folder" 2>&1 || echo "exit status $?"; } | steps
  hand_over .local/build.log
  if grep -q '^exit status ' .local/build.log; then explain .local/build.log; fi
}

stage() { # STAGE OPTION...
  # Not the time of the build: the same sources give the same image. A record of the build, which newer engines add to
  # an image, has that time too.
  export BUILDX_NO_DEFAULT_ATTESTATIONS=1
  date=${SOURCE_DATE_EPOCH:-$(newest_package)}
  version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml | head -n 1)
  build --build-arg "VERSION=$version" --build-arg "SOURCE=$(source_url)" --build-arg "SOURCE_DATE_EPOCH=$date" \
    --target "$@"
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
  stage "$stage" "$@"
  # What this build has replaced, unless it still runs.
  "$DOCKER" image prune --force --filter "label=org.opencontainers.image.title=$PROJECT" >/dev/null
  echo "built $built"
}

lock() {
  echo 'looking for versions that fit together'
  steps=none
  new=.local/lock.$$
  # shellcheck disable=SC2064 # the name as it is now
  trap "wait; rm -rf '$new'" EXIT
  # shellcheck disable=SC2086 # as above
  build --target lock $anew --output "type=local,dest=$new" "$@"
  steps=shown
  replace pyproject.toml <"$new/pyproject.toml"
  replace uv.lock <"$new/uv.lock"
}
steps=shown folder=.

# Beside the lock, which takes longer: installs PKG in the notebook that runs. Where this cannot be done nothing is said;
# the next image has it.
into_notebook() {
  added=.local/added.$$
  trap 'rm -rf "$added"' EXIT
  # shellcheck disable=SC2086 # as above
  "$DOCKER" build $plain --build-arg "ACCELERATOR=$ACCELERATOR" --target added --output "type=local,dest=$added" \
    --build-arg "PKG=$PKG" . >/dev/null 2>&1 || return 0
  # It goes into memory.
  [ "$(du -sk "$added" | cut -f 1)" -le 1000000 ] || return 0
  # Not as the folder itself: Python looks again into one whose time has changed.
  (cd "$added" && tar -cf - -- *) | "$DOCKER" exec --interactive "$running" tar -xf - -C /opt/added 2>/dev/null || return 0
  echo "$(echo "$PKG" | tr '\n' ' ')can be imported in the running notebook"
}

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
  dev | release | locked)
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
  again)
    steps=none folder=$4
    stage "$2" --no-cache --tag "$3"
    ;;
  out)
    steps=none new=$2 folder=$3
    shift 3
    build "$@" --output "type=local,dest=$new"
    ;;
  lock)
    [ -z "${UPGRADE:-}" ] || set -- lock --build-arg UPGRADE=--upgrade
    shift
    lock "$@"
    echo 'wrote uv.lock; next: make build'
    ;;
  add)
    PKG=$(printf '%s' "$PKG" | tr -s ' ' '\n')
    running=$("$DOCKER" ps --quiet --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" \
      --filter label=com.docker.compose.service=lab)
    if [ -n "$running" ] && [ -f uv.lock ]; then into_notebook & fi
    lock --build-arg "PKG=$PKG"
    wait
    PKG=$(printf '%s' "$PKG" | tr '\n' ' ')
    echo "added $PKG; next: make build"
    ;;
esac
