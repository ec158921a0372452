#!/bin/sh
# lists.sh FOLDER   in an image build: writes a list of packages for each layer into FOLDER, from uv.lock
set -eu
uv lock --quiet --check
extra=$("$(dirname "$0")/extra.sh")
services=$(! grep -q '^services = ' pyproject.toml || echo --only-group services)
jobs=''
# The packages of services are in the same layer as those of the group dev.
while read -r name options; do
  # shellcheck disable=SC2086 # a word for each option
  uv export --quiet --frozen --no-header --no-emit-project --format pylock.toml \
    --output-file "$1/pylock.$name.toml" $options >/dev/null &
  jobs="$jobs $!"
done <<END
main --no-default-groups $extra
any --no-default-groups
named --only-group large
notebook --only-group notebook
dev --only-group dev $services
END
for job in $jobs; do wait "$job"; done

# Large packages are those in pyproject.toml's group `large` and those that only this accelerator needs: frameworks. A
# package that is no dependency of the project, or no longer, is not in its release image either.
awk -v RS= -v ORS='\n\n' '
  { match($0, /\nname = "[^"]*"/); name = substr($0, RSTART, RLENGTH) }
  FILENAME == ARGV[1] { any[name]; next }
  FILENAME == ARGV[2] { named[name]; next }
  FNR == 1 || name in named || !(name in any)' \
  "$1/pylock.any.toml" "$1/pylock.named.toml" "$1/pylock.main.toml" >"$1/pylock.large.toml"
rm "$1/pylock.any.toml" "$1/pylock.named.toml"
# An index does not always give the sizes, which no layer depends on.
sed -i 's/, size = [0-9]*//' "$1"/pylock.*.toml
