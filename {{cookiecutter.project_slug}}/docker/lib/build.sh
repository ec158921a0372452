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

# run_build OPTION... FOLDER: run `docker build`, write its output to build_log and print its steps.
build_log=.local/build.log
run_build() {
  local name log status=0
  for name in $BUILD_ARGUMENTS; do
    eval "[ -z \"\$$name\" ]" || set -- --build-arg "$name" "$@"
  done
  ! needs_git || set -- --build-arg "GIT=git ca-certificates openssh-client" ${SSH_AUTH_SOCK:+--ssh default} "$@"
  is_podman || set -- --progress plain "$@"
  # shellcheck disable=SC2046 # an option and its value for each proxy
  set -- build $(proxy_arguments) --build-arg "ACCELERATOR=$ACCELERATOR" "$@"
  if [ "${V:-}" = 1 ]; then
    rm -f "$build_log"
    engine "$@" || fail 'the build failed; its output is above.'
    return
  fi
  # Another command of this clone may build at the same time.
  log=$(temporary_file "${build_log##*/}.new")
  follow_build "$log" "$DOCKER" "$@" || status=$?
  mv "$log" "$build_log"
  [ "$status" != 0 ] || return 0
  load_engine
  require_buildx
  require_disk_space
  fail_from_log "$build_log"
}

# build_stage STAGE OPTION... FOLDER: build an image that is the same whenever its sources are the same.
build_stage() {
  local stage="$1" version
  shift
  # Newer engines add a record of the build to an image, which contains the time of the build.
  export BUILDX_NO_DEFAULT_ATTESTATIONS=1
  version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml | head -n 1)
  run_build --target "$stage" --build-arg "VERSION=$version" --build-arg "SOURCE=$(source_url)" \
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
  build_stage "$1" --tag "$2" --tag "$3" .
  echo "$2" | replace ".local/built-$1-$ACCELERATOR"
  [ "${replaced:-$2}" = "$2" ] || "$DOCKER" image rm "$replaced" >/dev/null 2>&1 || true
  if [ -n "$last" ] && [ "$(image_in_log)" = "$last" ]; then
    echo "built $3"
  else
    # The engine refuses this while it does the same for somebody else.
    "$DOCKER" image prune --force --filter "label=org.opencontainers.image.title=$PROJECT" >/dev/null 2>&1 || true
    "$DOCKER" image ls --format "built $3 ({{.Size}})" "$2"
  fi
}

# export_stage STAGE FOLDER OPTION...: build a stage and write its files to a new folder.
export_stage() {
  local stage="$1" folder="$2"
  shift 2
  run_build --target "$stage" --output "type=local,dest=$folder" "$@"
}

# resolve OPTION...: write pyproject.toml and uv.lock as the stage `lock` makes them. Set `added` to the names of packages that
# are new in pyproject.toml, and `report` to what could not be added.
resolve() {
  local folder no_cache='--no-cache-filter resolve'
  folder=$(temporary_file lock)
  ! is_podman || no_cache=--no-cache
  echo 'resolving versions'
  lock resolve
  dependencies >"$folder.before"
  # shellcheck disable=SC2086 # an option and its value
  export_stage lock "$folder" $no_cache "$@" .
  replace pyproject.toml <"$folder/pyproject.toml"
  replace uv.lock <"$folder/uv.lock"
  unlock resolve
  load_images
  added=$(dependencies | grep -vxFf "$folder.before" | paste -s -d ' ' -)
  report=$(cat "$folder/report")
}

# needs_git: return whether a package, or one that is being added, comes from git.
needs_git() {
  { cat pyproject.toml && echo "${PKG:-}" && find "${given:-pyproject.toml}" -type f -exec cat {} +; } | grep -E 'git\+|git = ' >/dev/null
}

# dependencies: print the names of the packages in the lists of pyproject.toml, except the group `large`, which repeats some.
dependencies() {
  awk '!/^large = / { gsub(/[[,]/, "\n"); print }' pyproject.toml | sed -n 's/^ *"\([A-Za-z0-9][A-Za-z0-9._-]*\).*/\1/p' | sort -u
}

# ensure_lock: write uv.lock if it is missing.
ensure_lock() {
  [ -f uv.lock ] || { echo 'writing uv.lock, which pins the version of every package: commit it' && resolve && write_env; }
}

# report_imports: from the output of try_imports.py, print why a package cannot be imported and the command that helps.
report_imports() {
  local package error libraries folder
  while IFS='|' read -r package error libraries; do
    folder=$(temporary_file "libraries-$package")
    if [ -n "$libraries" ] &&
      (build_log=$folder.log && export_stage libraries "$folder" --build-arg "LIBRARIES=$libraries" .) </dev/null >/dev/null 2>&1 &&
      [ -s "$folder/packages" ]; then
      note "$package cannot be imported: a system library is missing ($libraries). Run: make add APT='$(cat "$folder/packages")'"
    else
      note "$package cannot be imported: $error."
    fi
  done
}

# try_imports PLACE COMMAND...: import the packages that make add has added, in a container in which COMMAND runs Python.
try_imports() {
  local place="$1" packages failed
  shift
  # Without packages that were removed again.
  packages=$({ dependencies && cat .local/untried; } 2>/dev/null | sort | uniq -d | paste -s -d ' ' -)
  [ -n "$packages" ] || return 0
  failed=$(temporary_file failed)
  # shellcheck disable=SC2086 # a word for each package
  "$@" python - $packages <docker/image/try_imports.py >"$failed" 2>/dev/null || return 0
  [ -s "$failed" ] || echo "$packages can be imported in $place"
  report_imports <"$failed"
  # The next build tries again those that a system package helps.
  sed -n 's/^\([^|]*\)|.*|..*/\1/p' "$failed" | replace .local/untried
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
