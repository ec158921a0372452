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

# run_build OPTION... FOLDER: run `docker build`, or the command in build_command, write its output to build_log and print its steps.
build_log=.local/build.log
run_build() {
  local name log status=0
  for name in $BUILD_ARGUMENTS; do
    eval "[ -z \"\$$name\" ]" || set -- --build-arg "$name" "$@"
  done
  ! needs_git || set -- --build-arg "GIT=git ca-certificates openssh-client" ${SSH_AUTH_SOCK:+--ssh default} "$@"
  is_podman || set -- --progress plain "$@"
  # shellcheck disable=SC2046,SC2086 # one word or two, and an option and its value for each proxy
  set -- ${build_command:-build} $(proxy_arguments) --secret id=network,src=.local/network/build.sh \
    --build-arg "REGISTRY_PREFIX=$REGISTRY_PREFIX" --build-arg "ACCELERATOR=$ACCELERATOR" "$@"
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
  local stage="$1"
  shift
  # Newer engines add a record of the build to an image, which contains the time of the build.
  export BUILDX_NO_DEFAULT_ATTESTATIONS=1
  run_build --target "$stage" --build-arg "VERSION=$(project_version)" --build-arg "SOURCE=$(source_url)" \
    --build-arg "SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(newest_package)}" "$@"
}

# load_build_cache: set and check BUILD_CACHE, the place in which machines share the layers of the development image.
load_build_cache() {
  setting BUILD_CACHE ''
  # It may contain a password, so it is not printed.
  printf '%s\n' "${BUILD_CACHE:-type=none}" | grep -Eqx 'type=[a-z0-9]+(,[a-z_-]+=[^,[:space:]]+)*' ||
    fail 'BUILD_CACHE is not valid. Use a cache backend of Docker, such as BUILD_CACHE=type=registry,ref=registry.example/team/my-project:cache.'
  [ -z "$BUILD_CACHE" ] || ! is_podman || fail 'BUILD_CACHE needs Buildx, which Podman does not have. Use Docker, or leave BUILD_CACHE out.'
}

# image_in_log: print the ID of the image that the last build wrote, or nothing.
image_in_log() {
  sed -nE 's/.* (writing image|exporting manifest) (sha256:[0-9a-f]*).*/\2/p' "$build_log" 2>/dev/null | tail -n 1
}

# remove_old_layers NAME: remove what an earlier build with this name left in Podman, and the last one did not use. Podman has no
# build cache of a limited size: each step leaves an image without a name.
remove_old_layers() {
  local list=.local/layers-$1 new old
  new=$(temporary_file layers)
  sed -nE 's/^--> (Using cache )?([0-9a-f]{12})[0-9a-f]*$/\2/p' "$build_log" | sort -u >"$new"
  old=$(grep -vxFf "$new" "$list" 2>/dev/null) || old=''
  replace "$list" <"$new"
  # Those that others are built on stay.
  # shellcheck disable=SC2086 # one word for each
  [ -z "$old" ] || "$DOCKER" image rm $old >/dev/null 2>&1 || true
}

# build_image STAGE IMAGE NAME [OPTION...]: build a stage of this project, with the tag that this clone uses and a name for people.
# Remove the image that it replaces unless it is in use. Another clone that shares it builds it again from the cache.
build_image() {
  local stage="$1" image="$2" name="$3" last replaced
  shift 3
  last=$(image_in_log)
  replaced=$(cat ".local/built-$stage-$ACCELERATOR" 2>/dev/null) || true
  echo "building $name"
  build_stage "$stage" "$@" --tag "$image" --tag "$name" .
  echo "$image" | replace ".local/built-$stage-$ACCELERATOR"
  ! is_podman || remove_old_layers "$stage-$ACCELERATOR"
  [ "${replaced:-$image}" = "$image" ] || "$DOCKER" image rm "$replaced" >/dev/null 2>&1 || true
  if [ -n "$last" ] && [ "$(image_in_log)" = "$last" ]; then
    echo "built $name"
  else
    # The engine refuses this while it does the same for somebody else.
    "$DOCKER" image prune --force --filter "label=org.opencontainers.image.title=$PROJECT" >/dev/null 2>&1 || true
    # Podman has a line for each name of the image.
    "$DOCKER" image ls --format "built $name ({{.Size}})" "$image" | head -n 1
  fi
}

# build_ui_image: build the image of the editor in UI, on top of the development image.
build_ui_image() {
  build_image "$UI" "$UI_IMAGE" "$PROJECT:$ACCELERATOR-$UI" --file "docker/ui/$UI/Dockerfile" --build-arg "IMAGE=$IMAGE"
}

# ensure_ui_packages: lock the packages of the editor in UI together with the others, in a group of pyproject.toml. No project has
# them before somebody uses the editor.
ensure_ui_packages() {
  local list="docker/ui/$UI/requirements.txt"
  [ -f "$list" ] && ! grep -q "^ui-$UI = " pyproject.toml || return 0
  prepare_build
  echo "adding the group ui-$UI to pyproject.toml and uv.lock: commit them"
  resolve --build-arg "PKG=$(cat "$list")" --build-arg "GROUP=ui-$UI"
  write_env
}

# export_stage STAGE FOLDER OPTION...: build a stage and write its files to a new folder.
export_stage() {
  local stage="$1" folder="$2"
  shift 2
  run_build --target "$stage" --output "type=local,dest=$folder" "$@"
  ! is_podman || remove_old_layers "$stage"
}

# resolve OPTION...: write pyproject.toml and uv.lock as the stage `lock` makes them. Set `added` to the names of packages that
# are new in pyproject.toml, and `report` to what could not be added.
resolve() {
  local folder
  folder=$(temporary_file lock)
  echo 'resolving versions'
  lock resolve
  dependencies >"$folder.before"
  export_stage lock "$folder" --build-arg "NOW=$(date +%s)" "$@" .
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

# prepare_rebuild: the same for an image. In a folder that was prepared with the same command of Docker's, the engine is asked only
# if the build fails, to save time.
prepare_rebuild() {
  load_settings
  engine_security=''
  load_identity
  load_clone
  if ! grep -qsx "COMPOSE_PROJECT_NAME=$COMPOSE_PROJECT_NAME" .env || ! grep -qsx "IMAGE=$IMAGE" .env ||
    ! grep -qsx "DOCKER_CLIENT=$DOCKER" .env; then
    prepare_build
  else
    DOCKER_CLIENT=$DOCKER
    write_network
  fi
}
