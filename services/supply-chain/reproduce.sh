#!/bin/sh
# Build both images twice, from copies of the sources and without the cache, and compare them.
cd -- "$(dirname -- "$0")/../.." || exit
. docker/lib/all.sh
. docker/lib/build.sh

prepare_build
ensure_lock

copies=.local/reproduce.$$
tag=$PROJECT:reproduce-$$
# shellcheck disable=SC2317 # called by the trap
remove_copies() {
  rm -rf "$copies"
  "$DOCKER" image rm --force "$tag-dev-1" "$tag-dev-2" "$tag-release-1" "$tag-release-2" >/dev/null 2>&1 || true
  clean_up
}
trap remove_copies EXIT

# list_sources: print the files that a clone has or, without git, that a build uses. Names end with a null byte.
list_sources() {
  if git ls-files --error-unmatch Dockerfile >/dev/null 2>&1; then
    git ls-files -z
  else
    printf '%s\0' Dockerfile .dockerignore pyproject.toml apt.txt apt-dev.txt apt-build.txt packages docker/image src
  fi
  # It may not be in git yet.
  printf '%s\0' uv.lock
}

# copy_sources: copy the sources as they are now to two folders. Like two clones, these differ in path and times. With Podman,
# they differ in the path only: it writes a checksum of the sources, with their times, into the history of an image.
copy_sources() {
  local times=''
  ! is_podman || times=p
  mkdir -p "$copies/1" || return
  # Skip files that were deleted since the last commit.
  # shellcheck disable=SC2016 # for the inner shell
  list_sources | xargs -0 sh -c 'for file; do if [ -e "$file" ] || [ -L "$file" ]; then printf "%s\0" "$file"; fi; done' sh |
    tar -cf - --null -T - | tar -xf - -C "$copies/1" 2>/dev/null || return
  cp "-RP$times" "$copies/1" "$copies/the 2nd" 2>/dev/null
}

# image_id IMAGE: print the ID of an image.
image_id() { "$DOCKER" image ls --no-trunc --quiet "$1"; }

# compare FIRST SECOND: print the differences between two images.
compare() {
  local log
  log=$(temporary_file log)
  export INSPECTED_IMAGE="$tag-dev-1"
  save_images "$1" "$2" | run_container supply-chain compare_images.py "$1" "$2" 2>"$log" ||
    fail_from_log "$log"
}

copy_sources || fail 'cannot copy the sources to .local. Check the free space: df -h .local.'
no_cache=--no-cache
# Podman writes the time of a build into images, and would keep each step of these builds.
! is_podman || no_cache="$no_cache --layers=false --timestamp ${SOURCE_DATE_EPOCH:-$(newest_package)}"
for stage in dev release; do
  echo "building $stage twice without the cache"
  # shellcheck disable=SC2086 # options and a value
  build_stage "$stage" $no_cache --tag "$tag-$stage-1" "$copies/1"
  # shellcheck disable=SC2086
  build_stage "$stage" $no_cache --tag "$tag-$stage-2" "$copies/the 2nd"
  # What the release image shares with the development image has been built twice by then. Podman has no such option.
  is_podman || no_cache=--no-cache-filter=release
done

differences=''
for stage in dev release; do
  id=$(image_id "$tag-$stage-1")
  if [ "$id" = "$(image_id "$tag-$stage-2")" ]; then
    printf 'same     %-8s %s\n' "$stage" "$id"
  else
    printf 'differs  %s\n' "$stage"
    differences=1
    compare "$tag-$stage-1" "$tag-$stage-2"
  fi
done
[ -z "$differences" ] ||
  fail 'the two builds differ. Fix the steps listed above: their output depends on the time or on randomness.'
