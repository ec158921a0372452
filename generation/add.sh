# shellcheck shell=dash
# What generation/add_service.sh, add_kernel.sh and update.sh share. The functions that they call besides these are in
# docker/lib of the project, perhaps in an older version: fail, note, temporary_file, replace, hand_over and run_build.

# give FILE...: copy files of the project to the folder that a build reads them from.
give() {
  local file
  mkdir -p "$template_folder/.given"
  for file; do
    [ ! -f "$file" ] || cp "$file" "$template_folder/.given/"
  done
  find services -name compose.yaml 2>/dev/null | cut -d / -f 2 >"$template_folder/.given/services"
}

# render STAGE FOLDER OPTION...: write the result of a stage of generation/Dockerfile to a new folder.
render() {
  local stage="$1" folder="$2"
  shift 2
  run_build --file "$template_folder/generation/Dockerfile" --target "$stage" --output "type=local,dest=$folder" \
    --build-arg "IMAGE=$PROJECT:$ACCELERATOR" "$@" "$template_folder"
  [ ! -f "$folder/problem" ] || fail "$(cat "$folder/problem")"
}

# add KIND: render what generation/add_KIND.py writes.
add() {
  echo "adding $NAME from $template at $(printf %.7s "$commit")"
  give .cruft.json pyproject.toml Dockerfile .dockerignore
  (render added "$out" --build-arg "WHAT=$1" --build-arg "NAME=$NAME") || {
    [ ! -f "$out/diff" ] || replace ".local/add-$1.diff" <"$out/diff"
    exit 1
  }
}

# place SOURCE PATH: move a prepared file or folder to its place in the project, unless something is there.
place() {
  local path
  [ ! -e "$2" ] || return 0
  find "$1" | while IFS= read -r path; do hand_over "$path"; done
  mv -f "$1" "$2"
}

# require_writable FOLDER...: fail if one of these folders exists and cannot be written to.
require_writable() {
  local folder
  for folder; do
    [ ! -d "$folder" ] || [ -w "$folder" ] || fail "the folder $folder is not writable. Check who owns it: ls -ld $folder."
  done
}

out=$(temporary_file out) locked=$(temporary_file locked)
