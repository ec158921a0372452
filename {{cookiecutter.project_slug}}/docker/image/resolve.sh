#!/bin/sh
# resolve.sh   in an image build: adds the packages in PKG, or in the file LIST, to pyproject.toml, or removes those in
#              REMOVE, and writes uv.lock
set -eu
scripts=$(dirname "$0")
touch /report

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
# A package that cannot be built is not added.
if [ -n "${PKG:-}${LIST:-}" ]; then
  "$scripts/lists.sh" /lists
  "$scripts/install-built.sh" /lists/pylock.built.toml /built
  rm -r /built
fi
