#!/bin/sh
# Adds the service in the variable NAME, as it is in the version of the template that made this project. What a person
# changed stays as it is. All is prepared in .local first, and put in place at the end.
cd -- "$(dirname -- "$0")/.." || exit
. scripts/common.sh

[ -n "${NAME:-}" ] || fail 'there is no name. Use make add-service NAME=postgres.'
case $NAME in
  none | -* | *[!a-z0-9-]*) fail "'$NAME' is not the name of a service. Use one name in small letters: make add-service NAME=postgres." ;;
esac
service=services/$NAME
[ ! -e "$service" ] || fail "$service is there already. To have it anew, move that folder away first."
[ -f .cruft.json ] ||
  fail 'there is no .cruft.json, which says where this project came from. Link it: uvx cruft link https://github.com/org/ds-docker.'

# The value of a name in .cruft.json, which is written with one on each line.
recorded() { sed -n 's/^ *"'"$1"'": *"\(.*\)",\{0,1\}$/\1/p' .cruft.json | head -n 1 | sed 's/\\\(["\\/]\)/\1/g'; }
template=$(recorded template)
commit=$(recorded commit)
[ -n "$template" ] && [ -n "$commit" ] ||
  fail '.cruft.json names no template and commit. Remove it, and link the project anew: uvx cruft link https://github.com/org/ds-docker.'
case $template in
  gh:*) template=https://github.com/${template#*:}.git ;;
  gl:*) template=https://gitlab.com/${template#*:}.git ;;
  bb:*) template=https://bitbucket.org/${template#*:} ;;
  file://*) template=${template#file://} ;;
esac

ready_without_data
why=.local/add-service.$$
alone add-service
trap 'exit 129' HUP
given=$why/in old=$why/out/old new=$why/out/new put=$why/put
mkdir -p "$given/scripts" "$put"
"$DOCKER" image inspect "$IMAGE" >/dev/null 2>&1 || scripts/build.sh dev

# git here knows how to get in where that takes a password or a key. Without it, a build fetches what needs neither.
clone() {
  case $template in
    /*)
      # Whoever owns that folder.
      printf '[safe]\n\tdirectory = *\n' >"$why/gitconfig"
      export GIT_CONFIG_GLOBAL="$PWD/$why/gitconfig"
      ;;
  esac
  unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
  show git clone --bare "$template"
  git clone --quiet --bare -- "$template" "$given/template.git" 2>"$why/said"
}
if command -v git >/dev/null 2>&1; then
  (clone) || {
    [ "${V:-}" != 1 ] || cat "$why/said" >&2
    fail "the template $template cannot be fetched. Check the network, your access, and the address in .cruft.json. V=1 shows what git says."
  }
else
  case $template in
    /*)
      [ -d "$template/.git" ] ||
        fail "there is no repository $template, where this project came from. Correct the address in .cruft.json."
      cp -R "$template/.git" "$given/template.git"
      ;;
    http://* | https://*) ;;
    *) fail "the template $template cannot be fetched without git. Install git, or use its https:// address in .cruft.json." ;;
  esac
fi

echo "making $NAME from $template, as of $(printf %.7s "$commit")"
cp .cruft.json pyproject.toml "$given/"
cp scripts/template.sh scripts/add_service.py "$given/scripts/"
scripts/build.sh out "$why/out" "$given" --file scripts/add-service.Dockerfile --build-arg "NAME=$NAME" \
  --build-arg "TEMPLATE=$template" --build-arg "COMMIT=$commit" --build-arg "IMAGE=$IMAGE" \
  --build-arg "UV=$(sed -n 's/^FROM \(.*\) AS uv$/\1/p' Dockerfile)"
if [ -f "$why/out/problem" ]; then fail "$(cat "$why/out/problem")"; fi

# prepare SOURCE FILE: SOURCE becomes FILE later, with the mode that it has here.
prepare() {
  mkdir -p "$put/$(dirname -- "$2")"
  if [ -f "$2" ]; then cp -p "$2" "$put/$2" && cat "$1" >"$put/$2"; else cp -p "$1" "$put/$2"; fi
}

# The folders of other services are theirs.
edited=''
(cd "$new" && find . -type f ! -path './services/*' | sed 's|^\./||' | sort) >"$why/files"
while IFS= read -r file; do
  if cmp -s "$old/$file" "$new/$file" || cmp -s "$new/$file" "$file"; then continue; fi
  if [ ! -e "$file" ] && [ ! -L "$file" ]; then
    [ -e "$old/$file" ] || prepare "$new/$file" "$file"
  elif [ ! -L "$file" ] && cmp -s "$old/$file" "$file"; then
    prepare "$new/$file" "$file"
  else
    edited="$edited $file"
  fi
done <"$why/files"

# The packages that it brings. uv writes them into a pyproject.toml that was edited.
PKG=$(cat "$why/out/requirements.txt")
case " $edited " in *' pyproject.toml '*) edited_project=1 ;; *) edited_project='' ;; esac
if [ -n "$PKG" ] && { [ -f uv.lock ] || [ -n "$edited_project" ]; }; then
  echo 'looking for versions that fit together'
  scripts/build.sh out "$why/lock" . --target lock --build-arg GROUP=services --build-arg "PKG=$PKG"
  prepare "$why/lock/uv.lock" uv.lock
  [ -z "$edited_project" ] || prepare "$why/lock/pyproject.toml" pyproject.toml
fi
prepare "$why/out/cruft.json" .cruft.json
mkdir -p "$put/services"
mv "$new/$service" "$put/$service"
find "$put" | while IFS= read -r path; do hand_over "$path"; done
(cd "$put" && find . -type f ! -path './services/*' | sed 's|^\./||') >"$why/files"
while IFS= read -r file; do
  folder=$(dirname -- "$file")
  [ ! -d "$folder" ] || [ -w "$folder" ] || fail "the folder $folder is not writable. Check who owns it: ls -ld $folder."
done <"$why/files"

# From here on it goes to the end. Cut off nevertheless, it can be repeated: uv.lock before pyproject.toml, which says
# what is missing there, and last the folder.
trap '' HUP INT TERM
place() { # FILE
  [ -e "$put/$1" ] || return 0
  folder=$(dirname -- "$1")
  [ -d "$folder" ] || { mkdir -p "$folder" && hand_over "$folder"; }
  mv -f "$put/$1" "$1"
}
place uv.lock
while IFS= read -r file; do place "$file"; done <"$why/files"
place "$service"

for file in $edited; do
  case $file in
    pyproject.toml) [ -z "$PKG" ] || note "pyproject.toml was edited: it got $(echo "$PKG" | paste -s -d ' ' -), and stays as it is otherwise" ;;
    compose.yaml) note "compose.yaml was edited, and stays as it is: make joins $service/compose.yaml to it" ;;
    *)
      from=old/$file
      [ -e "$why/out/$from" ] || from=/dev/null
      (cd "$why/out" && diff -u "$from" "new/$file") >>"$why/patch" || true
      note "$file was edited, and stays as it is: .local/add-$NAME.patch shows what is new"
      ;;
  esac
done
if [ -f "$why/patch" ]; then replace ".local/add-$NAME.patch" <"$why/patch"; fi
echo "added $NAME; next: make build, then make up SERVICE=$NAME"
