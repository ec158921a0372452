#!/bin/sh
# lists.sh FOLDER   in an image build: writes into FOLDER what each layer installs, from the uv.lock here
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
# What services bring for work here is in the same layer.
dev='dev --only-group dev'
if grep -q '^services = ' pyproject.toml; then dev="$dev --only-group services"; fi
for each in 'any --no-default-groups' 'named --only-group large' 'notebook --only-group notebook' "$dev"; do
  # shellcheck disable=SC2086 # a name and its options
  list $each &
  jobs="$jobs $!"
done
for job in $jobs; do wait "$job"; done

# Large is what pyproject.toml names so, and what only this accelerator needs: frameworks. What is not, or no longer, a
# dependency of the project is not in its release either.
awk -v RS= -v ORS='\n\n' '
  { match($0, /\nname = "[^"]*"/); name = substr($0, RSTART, RLENGTH) }
  FILENAME == ARGV[1] { any[name]; next }
  FILENAME == ARGV[2] { named[name]; next }
  FNR == 1 || name in named || !(name in any)' \
  "$folder/pylock.any.toml" "$folder/pylock.named.toml" "$folder/pylock.main.toml" >"$folder/pylock.large.toml"
rm "$folder/pylock.any.toml" "$folder/pylock.named.toml"
