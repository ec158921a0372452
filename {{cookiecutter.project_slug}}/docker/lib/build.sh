# Building images and running stages of the Dockerfile.

# source_url: print the repository's address for the image's label, without a password that may be in it.
source_url() {
  git config --get remote.origin.url 2>/dev/null |
    sed -e 's|^[^/@:]*@\([^:/]*\):|https://\1/|' -e 's|^ssh://|https://|' -e 's|^\(https*://\)[^/@]*@|\1|' -e 's|\.git$||' |
    grep '^https*://' || true
}

# newest_package: print when the newest package in uv.lock was published, in seconds since 1970, or 1980 if unknown.
newest_package() {
  local time
  time=$({ echo 1980-01-01T00:00:00 && sed -n 's/.*upload-time = "\([^".Z]*\).*/\1/p' uv.lock; } | sort | tail -n 1 | tr T ' ')
  # GNU and busybox, or else macOS.
  date -u -d "$time" +%s 2>/dev/null || date -u -j -f '%Y-%m-%d %H:%M:%S' "$time" +%s
}

# print_steps: from the output of a build, print each step as soon as it starts (which awk would not), unless it is cached.
print_steps() {
  local line pending='' printed=''
  while IFS= read -r line; do
    case $line in
      '#'*' CACHED' | '#'*' [internal] '* | '#'*' FROM '*) pending='' ;;
      '#'[0-9]' ['* | '#'[0-9][0-9]' ['*) pending=${line#* } ;;
      *)
        case $printed in *"$pending"*) ;; *) printf '%s\n' "$pending" | sed 's/--mount=[^ ]* *//g; s/  */ /g' | cut -c 1-100 ;; esac
        printed="$printed|$pending" pending=''
        ;;
    esac
  done
}

print_nothing() { cat >/dev/null; }

# run_build FILTER OPTION... FOLDER: run `docker build`, write its output to build_log and pass it to FILTER.
build_log=.local/build.log
run_build() {
  local filter="$1" name
  shift
  for name in $BUILD_ARGUMENTS; do
    eval "[ -z \"\$$name\" ]" || set -- --build-arg "$name" "$@"
  done
  is_podman || set -- --progress plain "$@"
  # shellcheck disable=SC2046 # an option and its value for each proxy
  set -- build $(proxy_arguments) --build-arg "ACCELERATOR=$ACCELERATOR" "$@"
  if [ "${V:-}" = 1 ]; then
    rm -f "$build_log"
    engine "$@" || fail 'the build failed; its output is above.'
    return
  fi
  { "$DOCKER" "$@" 2>&1 || echo "exit status $?"; } | tee "$build_log" | "$filter"
  hand_over "$build_log"
  grep -q '^exit status ' "$build_log" || return 0
  load_engine
  require_buildx
  require_disk_space
  fail_from_log "$build_log"
}

# build_stage FILTER STAGE OPTION... FOLDER: build an image that is the same whenever its sources are the same.
build_stage() {
  local filter="$1" stage="$2" version
  shift 2
  # Newer engines add a record of the build to an image, which contains the time of the build.
  export BUILDX_NO_DEFAULT_ATTESTATIONS=1
  version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml | head -n 1)
  run_build "$filter" --target "$stage" --build-arg "VERSION=$version" --build-arg "SOURCE=$(source_url)" \
    --build-arg "SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(newest_package)}" "$@"
}

# image_in_log: print the ID of the image that the last build wrote, or nothing.
image_in_log() {
  sed -nE 's/.* (writing image|exporting manifest) (sha256:[0-9a-f]*).*/\2/p' "$build_log" 2>/dev/null | tail -n 1
}

# build_image STAGE IMAGE NAME: build a stage of this project, with the tag that this clone uses and a name for people.
# Remove the image that it replaces unless it is in use. Another clone that shares it builds it again from the cache.
build_image() {
  local last replaced
  last=$(image_in_log)
  replaced=$(cat ".local/built-$1-$ACCELERATOR" 2>/dev/null) || true
  echo "building $3"
  build_stage print_steps "$1" --tag "$2" --tag "$3" .
  echo "$2" | replace ".local/built-$1-$ACCELERATOR"
  [ "${replaced:-$2}" = "$2" ] || "$DOCKER" image rm "$replaced" >/dev/null 2>&1 || true
  [ -n "$last" ] && [ "$(image_in_log)" = "$last" ] ||
    "$DOCKER" image prune --force --filter "label=org.opencontainers.image.title=$PROJECT" >/dev/null
  echo "built $3"
}

# export_stage STAGE FOLDER OPTION...: build a stage and write its files to a new folder.
export_stage() {
  local stage="$1" folder="$2"
  shift 2
  run_build print_nothing --target "$stage" --output "type=local,dest=$folder" "$@"
}

# resolve OPTION...: write pyproject.toml and uv.lock as the stage `lock` makes them.
resolve() {
  local folder no_cache='--no-cache-filter resolve'
  folder=$(temporary_file lock)
  ! is_podman || no_cache=--no-cache
  echo 'resolving versions'
  # shellcheck disable=SC2086 # an option and its value
  export_stage lock "$folder" $no_cache "$@" .
  replace pyproject.toml <"$folder/pyproject.toml"
  replace uv.lock <"$folder/uv.lock"
  load_images
}

# ensure_lock: write uv.lock if it is missing.
ensure_lock() {
  [ -f uv.lock ] || { echo 'writing uv.lock, which pins the version of every package: commit it' && resolve && write_env; }
}

# prepare_build: check what a build needs, before anything else happens.
prepare_build() {
  prepare --without-data
  require_buildx
  require_disk_space
}

# prepare_rebuild: the same for an image. In a prepared folder, the engine is asked only if the build fails, to save time.
prepare_rebuild() {
  load_settings
  engine_security=''
  load_identity
  load_clone
  if ! grep -qsx "COMPOSE_PROJECT_NAME=$COMPOSE_PROJECT_NAME" .env || ! grep -qsx "IMAGE=$IMAGE" .env; then
    prepare_build
  fi
}
