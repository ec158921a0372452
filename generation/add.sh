# shellcheck shell=dash
# What generation/add_service.sh and add_kernel.sh share.

# render service|kernel FOLDER: write what generation/add_service.py or add_kernel.py makes of the template to a new folder.
render() {
  mkdir "$template_folder/.given"
  cp .cruft.json pyproject.toml Dockerfile .dockerignore "$template_folder/.given/"
  find services -name compose.yaml 2>/dev/null | cut -d / -f 2 >"$template_folder/.given/services"
  run_build --file "$template_folder/generation/add.Dockerfile" --output "type=local,dest=$2" \
    --build-arg "WHAT=$1" --build-arg "NAME=$NAME" --build-arg "IMAGE=$PROJECT:$ACCELERATOR" "$template_folder"
  [ ! -f "$2/diff" ] || replace ".local/add-$1.diff" <"$2/diff"
  [ ! -f "$2/problem" ] || fail "$(cat "$2/problem")"
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

echo "adding $NAME from $template at $(printf %.7s "$commit")"
out=$(temporary_file out) locked=$(temporary_file locked)
