#!/bin/sh
# Lists what is in the images of this project, in reports/sbom-*.cdx.json.
cd -- "$(dirname -- "$0")/.." || exit
. scripts/common.sh

ready_without_data
# No GPU is needed for this.
"$DOCKER" image inspect "$IMAGE" >/dev/null 2>&1 || scripts/build.sh dev
if [ ! -d reports ] && mkdir reports 2>/dev/null; then hand_over reports; fi
[ -d reports ] && [ -w reports ] || fail 'the folder reports is not writable. Check who owns it: ls -ld reports.'

trap 'rm -f .local/sbom.$$' EXIT
list() { # IMAGE FILE
  about=$("$DOCKER" image inspect --format '{{.Id}} {{.Created}} {{with index .Config.Labels "org.opencontainers.image.version"}}{{.}}{{end}}' "$1")
  # shellcheck disable=SC2086 # two or three words
  engine run --rm --interactive --network none --read-only --cap-drop ALL --security-opt no-new-privileges \
    --user 10001:10001 --entrypoint python "$1" -I - "$PROJECT" "$1" $about \
    <scripts/sbom.py >.local/sbom.$$ 2>.local/sbom.log || explain .local/sbom.log
  rm -f .local/sbom.log
  replace "$2" <.local/sbom.$$
  python=$(grep -c '"purl": "pkg:pypi/' "$2" || true)
  system=$(grep -c '"purl": "pkg:deb/' "$2" || true)
  echo "$2: $python Python and $system system packages"
}

list "$IMAGE" "reports/sbom-$ACCELERATOR.cdx.json"
if "$DOCKER" image inspect "$PROJECT:release-$ACCELERATOR" >/dev/null 2>&1; then
  list "$PROJECT:release-$ACCELERATOR" "reports/sbom-release-$ACCELERATOR.cdx.json"
fi
