#!/bin/sh
# List the packages in the images, and check that the list has each package of the development image.
cd -- "$(dirname -- "$0")/../.." || exit
. docker/lib/all.sh

prepare
sh services/supply-chain/sbom.sh
list=reports/sbom-$ACCELERATOR.cdx.json
# The names and versions that pip would show, for packages of a package index.
docker/run python -c '
import json, sys
from importlib.metadata import distributions

components = json.load(open(sys.argv[1]))["components"]
listed = {(item["name"], item["version"]) for item in components}
missing = {(package.name, package.version) for package in distributions()} - listed
if missing:
    sys.exit(f"error: {sys.argv[1]} lacks {sorted(missing)}. Run make build, then make sbom.")
print(f"{sys.argv[1]} lists {len(listed)} components, all installed Python packages among them")
' "$list"
