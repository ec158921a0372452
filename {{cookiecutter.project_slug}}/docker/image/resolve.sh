#!/bin/sh
# resolve.sh   in an image build: adds the packages in PKG, or in the file LIST, to pyproject.toml, or removes those in
#              REMOVE, and writes uv.lock
set -eu
scripts=$(dirname "$0")
. "$scripts/network.sh"
touch /report

# With an index of this machine, uv.lock keeps the addresses that others can use, too. uv would replace all of them:
# https://github.com/astral-sh/uv/issues/6349
locked=$("$scripts/locked-index.sh")
mine=$(printf '%s\n' "${package_index:-}" | sed 's|//[^/@]*@|//|')
[ -z "$mine" ] || [ -z "$locked" ] || {
  cp uv.lock /tmp/before.lock
  sed -i "s|{ registry = \"$locked\" }|{ registry = \"$mine\" }|" uv.lock
}

# restore_addresses: give packages from the index of this machine the locked index, and known files their addresses.
restore_addresses() {
  awk -v mine="{ registry = \"$mine\" }" -v locked="{ registry = \"$locked\" }" '
    { name = match($0, /url = "[^"]*/) ? substr($0, RSTART, RLENGTH) : ""; sub(/.*\//, "", name) }
    FILENAME == ARGV[1] { if (name) line[name] = $0; next }
    (at = index($0, mine)) { $0 = substr($0, 1, at - 1) locked substr($0, at + length(mine)) }
    { print (name && (name in line) ? line[name] : $0) }' /tmp/before.lock uv.lock >/tmp/after.lock
  mv /tmp/after.lock uv.lock
}

# each_extra add|remove: read packages, and print them except those in SAME_SOURCE, which are added to the extras of both
# accelerators, or removed from them, with the source of the first one in that list.
each_extra() {
  local package name extra same="${SAME_SOURCE:-}" first
  first=${same%% *}
  while read -r package; do
    name=$(printf '%s\n' "$package" | sed 's/[^A-Za-z0-9._-].*//' | tr '[:upper:]' '[:lower:]')
    case " ${same#"$first"} " in
      *" ${name:-none} "*)
        sed -i "/^$name = \[/d" pyproject.toml
        for extra in cpu cuda; do "$scripts/explain.py" uv "$1" --frozen --optional "$extra" "$package" >&2; done
        [ "$1" = remove ] || sed -i "s/^$first = \(\[.*\)/&\n$name = \1/" pyproject.toml
        ;;
      *) echo "$package" ;;
    esac
  done
}

# shellcheck disable=SC2086 # one word for each package, and options or nothing
if [ -n "${PKG:-}" ]; then
  others=$(echo "$PKG" | each_extra add)
  [ -z "$others" ] || echo "$others" |
    "$scripts/explain.py" uv add --no-sync --no-workspace ${GROUP:+--group "$GROUP"} --requirements -
elif [ -n "${LIST:-}" ]; then
  "$scripts/explain.py" uv run --quiet --script "$scripts/read_requirements.py" "/given$LIST" /report
elif [ -n "${REMOVE:-}" ]; then
  others=$(echo "$REMOVE" | tr -s ' ' '\n' | each_extra remove)
  [ -z "$others" ] || "$scripts/explain.py" uv remove --no-sync ${GROUP:+--group "$GROUP"} $others
fi
"$scripts/explain.py" uv lock ${UPGRADE:+"$UPGRADE"}
[ ! -f /tmp/before.lock ] || restore_addresses
# A package that cannot be built is not added.
if [ -n "${PKG:-}${LIST:-}" ]; then
  "$scripts/lists.sh" /lists
  "$scripts/install-built.sh" /lists/pylock.built.toml /built
  rm -r /built
fi
