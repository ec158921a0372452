#!/bin/sh
# List the packages in the development image, and in the release image if it exists, in reports/sbom-*.cdx.json.
cd -- "$(dirname -- "$0")/../.." || exit
. docker/lib/all.sh

# write_list IMAGE NAME FILE: write the list of the packages in an image, under the name that people use for it.
write_list() {
  local list log python system
  list=$(temporary_file list) log=$(temporary_file log)
  export INSPECTED_IMAGE="$1"
  "$DOCKER" image inspect "$1" | run_container supply-chain sbom.py "$PROJECT" "$2" >"$list" 2>"$log" ||
    fail_from_log "$log"
  replace "$3" <"$list"
  python=$(grep -c '"purl": "pkg:pypi/' "$3" || true)
  system=$(grep -c '"purl": "pkg:deb/' "$3" || true)
  echo "$3: $python Python and $system system packages"
}

prepare --without-data
# Unlike ensure_image, this does not need a GPU.
ensure_development_image
require_writable reports 'Check who owns it: ls -ld reports.'

write_list "$IMAGE" "$PROJECT:$ACCELERATOR" "reports/sbom-$ACCELERATOR.cdx.json"
if "$DOCKER" image inspect "$RELEASE_IMAGE" >/dev/null 2>&1; then
  write_list "$RELEASE_IMAGE" "$PROJECT:release-$ACCELERATOR" "reports/sbom-release-$ACCELERATOR.cdx.json"
fi
