#!/bin/sh
# lists.sh FOLDER   in an image build: writes a list of packages for each layer into FOLDER, from uv.lock
set -eu
. "$(dirname "$0")/network.sh"

# count_hosts: print on how many hosts the files of the default index are.
count_hosts() {
  awk -v registry="\"$index\"" '
    /^source = / { on = index($0, registry) }
    on && match($0, /url = "[a-z]*:\/\/[^\/]*/) { hosts[substr($0, RSTART, RLENGTH)] }
    END { print length(hosts) }' uv.lock
}

# Not the index of this machine, from which the lists must not depend. Nothing is fetched.
index=$("$(dirname "$0")/locked-index.sh")
export ${index:+UV_DEFAULT_INDEX="$index"}
"$(dirname "$0")/explain.py" uv lock --quiet --check
by_hash=''
# The addresses of a company's index are of no use elsewhere: there, the same files have other addresses.
if ! (unset UV_DEFAULT_INDEX XDG_CONFIG_HOME && uv lock --quiet --check --offline 2>/dev/null) || [ "$(count_hosts)" -gt 1 ]; then by_hash=1; fi
mkdir -p "$1"
extra=$("$(dirname "$0")/extra.sh")
jobs=''
while read -r name options; do
  [ -n "$name" ] || continue
  # shellcheck disable=SC2086 # a word for each option
  uv export --quiet --frozen --no-header --no-emit-project --format pylock.toml \
    --output-file "$1/pylock.$name.toml" $options >/dev/null &
  jobs="$jobs $!"
done <<END
main --no-default-groups $extra
any --no-default-groups $("$(dirname "$0")/extra.sh" prune)
named --only-group large
notebook --only-group notebook
dev --only-group dev
$(! grep -q '^services = ' pyproject.toml || echo services --only-group services)
release --no-default-groups --no-editable $extra
$(sed -n 's/^\(kernel-[a-z0-9-]*\) = .*/\1 --only-group \1/p' pyproject.toml)
END
for job in $jobs; do wait "$job"; done
cd "$1"

# filter CONDITION LIST...: print the packages in these lists for which a condition in awk is true.
python=$(python -BIc 'import sys; print("cp%d%d" % sys.version_info[:2])')
filter() {
  local condition="$1"
  shift
  awk -v RS= -v ORS='\n\n' -v wheel="py3-none-any[.]whl|-($python-$python|cp3[0-9]*-abi3|(py2[.])?py3-none)-(many)?linux[^\"]*_$(uname -m)" '
    FNR == 1 { sub(/\npackages = \[\]/, ""); if (!header++) print; next }
    { match($0, /\nname = "[^"]*"/); name = substr($0, RSTART, RLENGTH); list = FILENAME }
    # From git or a folder, or without a wheel for this platform.
    { built = /\n(vcs|directory|archive) = / || $0 !~ wheel }
    '"$condition"' { print; some = 1 }
    END { if (!some) print "packages = []" }' "$@"
}
# Without services, the list is empty.
[ -e pylock.services.toml ] || filter 0 pylock.dev.toml >pylock.services.toml
filter 'built && !seen[name]++' pylock.main.toml pylock.notebook.toml pylock.dev.toml pylock.services.toml >pylock.built.toml
filter built pylock.release.toml >pylock.built-release.toml
for name in main notebook dev services; do
  filter '!built' "pylock.$name.toml" >wheels && mv wheels "pylock.$name.toml"
done
# Large packages are those in pyproject.toml's group `large` and those that only this accelerator needs: frameworks. A
# package that is no dependency of the project, or no longer, is not in its release image either.
filter 'list ~ /any/ { any[name]; next } list ~ /named/ { named[name]; next } name in named || !(name in any)' \
  pylock.any.toml pylock.named.toml pylock.main.toml >pylock.large.toml
rm pylock.any.toml pylock.named.toml pylock.release.toml
# For packages that can come from any index, none is named.
sed -i "\\|^index = \"${index:-none}\"\$|d" pylock.*.toml
[ -z "$by_hash" ] || sed -i '1i # by hash' pylock.*.toml
# An index does not always give the sizes, which no layer depends on.
sed -i 's/, size = [0-9]*//' pylock.*.toml
