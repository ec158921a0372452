# Files for other machines: images in an archive, with a checksum in a file beside it.

# archive_name: print the path of an archive of this project, without the ending: dist/my-data-project-0.1.0-cpu.
archive_name() { echo "dist/$PROJECT-$(project_version | sed 's/..*/&-/')$ACCELERATOR"; }

# load_output_file DEFAULT: set FILE to the file to write.
load_output_file() {
  [ -z "${FILE:-}" ] || [ ! -d "$FILE" ] || fail "$FILE is a folder. Use FILE= with the path of a file, such as $FILE/${1##*/}."
  FILE=${FILE:-$1}
}

# write_whole FILE COMMAND...: write what a command prints to a file, which is whole or not there, and its checksum.
write_whole() {
  local log sum
  whole_file=$1 log=$(temporary_file write)
  shift
  require_writable "$(dirname "$whole_file")" 'Check who owns it, or use another FILE=.'
  trap 'rm -f "$whole_file.$$"; clean_up' EXIT
  "$@" >"$whole_file.$$" 2>"$log" || {
    ! grep -q 'o space left' "$log" || fail "the disk is full: $whole_file was not written. Free some space, or use another FILE=."
    fail_from_log "$log"
  }
  sum=$(sha256)
  sum=$($sum <"$whole_file.$$")
  mv "$whole_file.$$" "$whole_file"
  hand_over "$whole_file"
  echo "${sum%% *}  ${whole_file##*/}" | replace "$whole_file.sha256"
  du -h "$whole_file" | awk -v file="$whole_file" '{ print "wrote " file " (" $1 ")" }'
}

# require_whole FILE: fail if a file is damaged, as its checksum says, or without one, gzip.
require_whole() {
  local sum whole=''
  if [ -f "$1.sha256" ]; then
    sum=$(sha256)
    sum=$($sum <"$1")
    [ "${sum%% *}" != "$(cut -d ' ' -f 1 "$1.sha256")" ] || whole=1
  elif gzip -t "$1" 2>/dev/null; then
    whole=1
  fi
  [ "$whole" ] || fail "$1 is damaged or not complete. Copy it again."
}

# compress_images IMAGE...: print a compressed archive with these images.
compress_images() {
  local failed
  failed=$(temporary_file failed)
  { save_images "$@" || : >"$failed"; } | gzip -1 && [ ! -e "$failed" ]
}

# images_of_project: print the names of both images: those of this clone, and those for people.
images_of_project() {
  # Another clone may have given the latter to images of its own.
  engine tag "$IMAGE" "$PROJECT:$ACCELERATOR"
  engine tag "$RELEASE_IMAGE" "$PROJECT:release"
  engine tag "$RELEASE_IMAGE" "$PROJECT:release-$ACCELERATOR"
  printf '%s\n' "$IMAGE" "$PROJECT:$ACCELERATOR" "$RELEASE_IMAGE" "$PROJECT:release" "$PROJECT:release-$ACCELERATOR"
}

# images_of_services: print the names of the services' images that are on this machine, and note those that are not.
images_of_services() {
  local image missing=''
  for image in $(compose --profile '*' config --images | grep -vxF -e "$IMAGE" -e "$RELEASE_IMAGE" | sort -u); do
    if "$DOCKER" image inspect "$image" >/dev/null 2>&1; then echo "$image"; else missing="$missing $image"; fi
  done
  [ -z "$missing" ] || note "not on this machine, and left out:$missing. 'make up' gets them; then run this again."
}
