#!/bin/sh
# locked-index.sh   in an image build: prints the default index of uv.lock, which most of its packages come from
named=$(sed -n 's/^.*url = "\([^"]*\)".*/\1/p' pyproject.toml)
sed -n 's/^source = { registry = "\(.*\)" }$/\1/p' uv.lock 2>/dev/null | grep -vxF "${named:-none}" |
  sort | uniq -c | sort -rn | awk 'NR == 1 { print $2 }'
