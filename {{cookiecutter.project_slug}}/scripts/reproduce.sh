#!/bin/sh
# Builds both images twice, from copies of the sources and without the cache, and says whether they are the same.
cd -- "$(dirname -- "$0")/.." || exit
. scripts/common.sh

ready_without_data
scripts/build.sh locked

copies=.local/reproduce.$$
tag=$PROJECT:reproduce-$$
# shellcheck disable=SC2317 # called by the trap
tidy() {
  rm -rf "$copies"
  "$DOCKER" image rm --force "$tag-dev-1" "$tag-dev-2" "$tag-release-1" "$tag-release-2" >/dev/null 2>&1 || true
}
trap tidy EXIT
# Not every shell tidies up at its end where a signal has ended it.
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# What a clone has, and without git what .dockerignore lets in. uv.lock may be too young to be in git.
sources() {
  if git ls-files --error-unmatch Dockerfile >/dev/null 2>&1; then
    git ls-files -z
  else
    printf '%s\0' Dockerfile .dockerignore pyproject.toml apt.txt apt-dev.txt scripts/image src
  fi
  printf '%s\0' uv.lock
}

# As they are here, changed or removed since the last commit. The copies differ in what clones differ in: place and times.
mkdir -p "$copies/1"
full=''
# shellcheck disable=SC2016 # for the inner shell
sources | xargs -0 sh -c 'for file; do if [ -e "$file" ] || [ -L "$file" ]; then printf "%s\0" "$file"; fi; done' sh |
  tar -cf - --null -T - | tar -xf - -C "$copies/1" 2>"$copies/log" || full=1
cp -RP "$copies/1" "$copies/the 2nd" 2>"$copies/log" || full=1
[ -z "$full" ] ||
  fail 'the sources cannot be copied into .local. Look for space: df -h .local.'

for stage in dev release; do
  echo "building $stage twice, from nothing"
  scripts/build.sh again "$stage" "$tag-$stage-1" "$copies/1"
  scripts/build.sh again "$stage" "$tag-$stage-2" "$copies/the 2nd"
done

case ${DOCKER##*/} in podman) both=--multi-image-archive ;; *) both='' ;; esac

compare() { # FIRST SECOND
  first=$1 second=$2
  set -- run --rm --interactive --network none --read-only --cap-drop ALL --security-opt no-new-privileges \
    --user 10001:10001 --entrypoint python "$tag-dev-1" -I -c
  # shellcheck disable=SC2016 # shown without the whole program
  show "$DOCKER" "$@" '$(cat scripts/compare_images.py)' "$first" "$second"
  # shellcheck disable=SC2086 # without a value it must vanish
  { engine save $both "$first" "$second" |
    "$DOCKER" "$@" "$(cat scripts/compare_images.py)" "$first" "$second"; } 2>"$copies/log" || explain "$copies/log"
}

differ=''
for stage in dev release; do
  first=$("$DOCKER" image inspect --format '{{.Id}}' "$tag-$stage-1")
  second=$("$DOCKER" image inspect --format '{{.Id}}' "$tag-$stage-2")
  if [ "$first" = "$second" ]; then
    printf 'same     %-8s %s\n' "$stage" "$first"
  else
    printf 'differs  %s\n' "$stage"
    differ=1
    compare "$tag-$stage-1" "$tag-$stage-2"
  fi
done
[ -z "$differ" ] ||
  fail 'the two builds differ, as listed above. Change the steps named there: they wrote what depends on time or chance.'
