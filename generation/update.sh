# shellcheck shell=dash
# The part of `make update` that belongs to the version of the template that the project is updated to. docker/update of the
# project sources it in the project's folder, with these variables: VERSION and DRY, as they were typed; template, the
# template; commit, the commit that the project records; old_folder, a clone of the template at that commit; template_folder,
# one at the new commit; new_commit. Everything is prepared in .local and put into place at the end.
. "$template_folder/generation/add.sh"

# copy_mine FOLDER: copy the files of the project whose names are the lines of the input to a new folder. What is not a
# regular file becomes a folder.
copy_mine() {
  local path
  mkdir -p "$1"
  while IFS= read -r path; do
    if [ -f "$path" ] && [ ! -L "$path" ]; then
      [ -r "$path" ] || fail "you do not have permission to read $path. Check who owns it: ls -l $path."
      mkdir -p "$1/$(dirname "$path")"
      cp -p "$path" "$1/$path"
    elif [ -e "$path" ] || [ -L "$path" ]; then
      mkdir -p "$1/$path"
    fi
  done
}

# require_places: fail unless each file whose name is a line of the input can be written or removed.
require_places() {
  local path
  while IFS= read -r path; do
    path=$(dirname "$path")
    until [ -e "$path" ] || [ -L "$path" ]; do path=$(dirname "$path"); done
    [ -d "$path" ] || fail "$path is not a folder, but the template has files in a folder of this name. Rename it first."
    require_writable "$path"
  done
}

# keep_copy: write the files that will change to .local/before-update.tar, and the commands that restore them.
keep_copy() {
  local path list
  list=$(temporary_file before)
  cat "$out/written" "$out/removed" | while IFS= read -r path; do [ ! -f "$path" ] || echo "./$path"; done >"$list"
  echo ./.cruft.json >>"$list"
  tar -cf "$list.tar" -T "$list"
  {
    echo '# Undoes the last make update. Your later changes in the same files are lost.'
    echo 'tar -xpf .local/before-update.tar || exit'
    # shellcheck disable=SC2016 # for the shell that undoes it
    printf '%s\n' 'while IFS= read -r path; do' '  rm -f "$path" && rmdir -p "$(dirname "$path")" 2>/dev/null || true' "done <<'END'"
    while IFS= read -r path; do [ -e "$path" ] || echo "$path"; done <"$out/written"
    echo END
  } >"$list.sh"
  hand_over "$list.tar" "$list.sh"
  mv -f "$list.tar" .local/before-update.tar
  mv -f "$list.sh" .local/undo-update.sh
}

# make_folder FOLDER: make a folder of the project and those above it.
make_folder() {
  [ -d "$1" ] || { make_folder "$(dirname "$1")" && mkdir "$1" && hand_over "$1"; }
}

[ "$new_commit" != "$commit" ] || {
  echo "nothing to update: the project is at $(printf %.7s "$commit") of $template"
  [ -z "${ANSWERS:-}" ] ||
    note 'ANSWERS is for questions that are new in an update. To answer those of the last one, undo it first: sh .local/undo-update.sh.'
  exit 0
}
name=$(printf %.7s "$new_commit")
case $new_commit in "${VERSION:-}"*) ;; *) name="$VERSION, $name" ;; esac
echo "updating from $(printf %.7s "$commit") to $name of $template"
differing=$(temporary_file differing) mine=$(temporary_file mine)
give .cruft.json pyproject.toml
printf '%s' "${ANSWERS:-}" >"$template_folder/.given/answers"
printf '%s' "${VERSION:-}" >"$template_folder/.given/version"
set -- --build-arg "NAME=$new_commit" --build-context "old=$old_folder"
render differing "$differing" "$@"
# In a folder below the context, so that the .dockerignore of the project does not apply.
copy_mine "$mine/project" <"$differing/paths"
render merged "$out" "$@" --build-context "mine=$mine"
cat "$out/written" "$out/removed" | require_places
require_writable .

if [ -s "$out/left-out.diff" ]; then replace .local/left-out.diff <"$out/left-out.diff"; fi
while IFS= read -r line; do note "$line"; done <"$out/notes"
if [ "${DRY:-}" = 1 ]; then
  replace .local/update.diff <"$out/update.diff"
  sed 's/^/  /' "$out/changes"
  echo 'nothing is written; .local/update.diff shows each change; next: make update'
  exit 0
fi
keep_copy

# From here on, a signal does not interrupt. If the machine fails nevertheless, .local/undo-update.sh restores everything.
trap '' HUP INT TERM
while IFS= read -r path; do
  rm -f "$path"
  rmdir -p "$(dirname "$path")" 2>/dev/null || true
done <"$out/removed"
while IFS= read -r path; do
  make_folder "$(dirname "$path")"
  hand_over "$out/files/$path"
  mv -f "$out/files/$path" "$path" || fail "$path cannot be written. Undo the update, and correct this: sh .local/undo-update.sh."
done <"$out/written"
replace .cruft.json <"$out/cruft.json"
echo "files written: $(wc -l <"$out/written" | tr -d ' '), removed: $(wc -l <"$out/removed" | tr -d ' '); to undo this: sh .local/undo-update.sh"
echo "next: $(cat "$out/next")"
