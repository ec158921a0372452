#!/bin/sh
# lists.sh FOLDER   in an image build: writes a list of packages for each layer into FOLDER, from uv.lock
set -eu
folder=$1
uv lock --quiet --check
extra=$("$(dirname "$0")/extra.sh")

list() { # NAME OPTION...
  file=$folder/pylock.$1.toml
  shift
  uv export --quiet --frozen --no-header --no-emit-project --format pylock.toml --output-file "$file" "$@" >/dev/null
}

# shellcheck disable=SC2086 # two words, or none
list main --no-default-groups $extra &
jobs=$!
# The packages of services are in the same layer.
dev='dev --only-group dev'
if grep -q '^services = ' pyproject.toml; then dev="$dev --only-group services"; fi
for each in 'any --no-default-groups' 'named --only-group large' 'notebook --only-group notebook' "$dev"; do
  # shellcheck disable=SC2086 # a name and its options
  list $each &
  jobs="$jobs $!"
done
for job in $jobs; do wait "$job"; done

# Large packages are those in pyproject.toml's group `large` and those that only this accelerator needs: frameworks. A
# package that is no dependency of the project, or no longer, is not in its release image either.
awk -v RS= -v ORS='\n\n' '
  { match($0, /\nname = "[^"]*"/); name = substr($0, RSTART, RLENGTH) }
  FILENAME == ARGV[1] { any[name]; next }
  FILENAME == ARGV[2] { named[name]; next }
  FNR == 1 || name in named || !(name in any)' \
  "$folder/pylock.any.toml" "$folder/pylock.named.toml" "$folder/pylock.main.toml" >"$folder/pylock.large.toml"
rm "$folder/pylock.any.toml" "$folder/pylock.named.toml"
