# This project on the engine: its services, what Compose must know about this machine, and running containers.

# project_version: print the version in pyproject.toml, or nothing.
project_version() { sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml | head -n 1; }

# services: list the services. docker/services/lib.sh, which comes with the first one, replaces this.
services() { :; }

# load_compose_file: write the Compose files of this machine, and set and export COMPOSE_FILE.
load_compose_file() {
  local ids
  COMPOSE_FILE=compose.yaml
  [ ! -f "docker/ui/$UI/compose.yaml" ] || COMPOSE_FILE=$COMPOSE_FILE:docker/ui/$UI/compose.yaml
  [ -z "${SSH_AGENT:-}" ] || COMPOSE_FILE=$COMPOSE_FILE:docker/compose.ssh.yaml
  [ -z "$(services)" ] || { write_compose_services && COMPOSE_FILE=$COMPOSE_FILE:.local/compose.services.yaml; }
  case $ACCELERATOR,$GPUS in
    cpu,*) ;;
    cuda,all) COMPOSE_FILE=$COMPOSE_FILE:docker/compose.cuda.yaml ;;
    *)
      # A variable cannot become a list in YAML.
      ids=$(echo "$GPUS" | sed 's/[^,][^,]*/"&"/g')
      sed "s/count: all/device_ids: [$ids]/" docker/compose.cuda.yaml | replace .local/compose.cuda.yaml
      COMPOSE_FILE=$COMPOSE_FILE:.local/compose.cuda.yaml
      ;;
  esac
  export COMPOSE_FILE
}

# write_env: write what Compose must know about this machine to .env, so that plain `docker compose` works.
write_env() {
  local name value begin='# Written by make, for plain docker compose.' end='# End of what make writes.'
  [ ! -e .env ] || [ -w .env ] || return 0
  lock env
  {
    # Without the lines of an earlier command. The last line may lack its end.
    [ ! -f .env ] || awk -v begin="$begin" -v end="$end" '$0 == begin { skip = 1 } !skip; $0 == end { skip = 0 }' .env
    echo "$begin"
    for name in COMPOSE_FILE COMPOSE_PROJECT_NAME HOST_UID HOST_GID DATA_GID HOST_DATA_DIR HOST_CACHE_DIR CACHE_TYPE IMAGE RELEASE_IMAGE UI_IMAGE LAB_PORT SSH_AGENT MACHINE_FILE REGISTRY_PREFIX DOCKER_CLIENT; do
      eval "value=\${$name:-}"
      case $value in
        '') ;;
        *[!A-Za-z0-9_./:-]*) printf "%s='%s'\n" "$name" "$(printf '%s' "$value" | sed "s/'/\\\\'/g")" ;;
        *) echo "$name=$value" ;;
      esac
    done
    echo "$end"
  } | (umask 077 && replace .env)
  unlock env
  chmod 600 .env
}

# compose ARGUMENT...: run Docker Compose for this project.
compose() {
  if [ "${V:-}" = 1 ]; then engine compose --progress plain "$@"; else engine compose --progress quiet "$@"; fi
}

# compose_up ARGUMENT...: start containers, and wait until they are healthy, but no longer than START_TIMEOUT. Then is_late succeeds.
# Compose has a limit, too, but not all versions apply it to containers that wait for another one.
compose_up() {
  local engine_process clock status=0
  engine_process=$(temporary_file process)
  {
    seconds=0
    # The folder is removed if this command ends.
    while [ -d "${engine_process%/*}" ] && [ "$((seconds += 1))" -le "$START_TIMEOUT" ]; do sleep 1; done
    : >"$engine_process.late" && kill "$(cat "$engine_process")"
  } >/dev/null 2>&1 3>&- 4>&- &
  clock=$!
  compose up --detach --wait "$@" || status=$?
  kill "$clock" 2>/dev/null || true
  return "$status"
}
is_late() { [ -e ".local/tmp.$$/process.late" ]; }

# require_own FILE: fail if FILE belongs to somebody else. A clone has one user, whose token and passwords it contains.
require_own() {
  # shellcheck disable=SC2012 # stat and find differ between macOS and Linux
  case $(ls -ldn "$1" | awk '{ print $3 }') in
    "$(id -u)" | "${SUDO_UID:-}") ;;
    0) fail "$1 belongs to root. Take this folder over: sudo chown -R \"\$(id -u):\$(id -g)\" ." ;;
    *) fail "this clone of the project belongs to $(ls -ld "$1" | awk '{ print $3 }'). Run 'git clone' in a folder of your own: clones share the image, and DATA_DIR can share the data." ;;
  esac
}

# make_local_folder: make the folder .local, for what belongs to this person on this machine.
make_local_folder() {
  [ ! -d .local ] || [ -O .local ] || require_own .local
  # With -p, since another make may just have made it.
  { [ -d .local ] || (umask 077 && mkdir -p .local 2>/dev/null); } && [ -w .local ] ||
    fail "this folder is not writable. Check who owns it: ls -ld .local ."
  hand_over .local
}

# load_clone: set and export COMPOSE_PROJECT_NAME. A clone keeps it, with its containers and volumes, when its folder is
# renamed or moved. A copy gets one of its own.
load_clone() {
  local name='' folder='' here
  here=$(pwd -P)
  if [ -s .local/clone ] && { read -r name && IFS= read -r folder; } <.local/clone && [ "$folder" = "$here" ]; then
    export COMPOSE_PROJECT_NAME="$name"
    return
  fi
  [ ! -w .local ] || lock clone
  [ ! -s .local/clone ] || { read -r name && IFS= read -r folder; } <.local/clone
  if [ -z "$name" ] || { [ "$folder" != "$here" ] && grep -qsx "$name" "$folder/.local/clone"; }; then
    name=$PROJECT-$(random 4)
  fi
  [ ! -w .local ] || { printf '%s\n' "$name" "$here" | replace .local/clone && unlock clone; }
  export COMPOSE_PROJECT_NAME="$name"
}

# load_host_folder NAME KIND: set NAME, a setting with a value, to the real path of the folder that it names.
load_host_folder() {
  local path
  eval "path=\$(in_home \"\$$1\")"
  if [ -L "$path" ] && [ ! -e "$path" ]; then
    fail "the $2 folder $path is a link to a folder that does not exist. Mount or create it, or use $1=/path."
  fi
  [ ! -f "$path" ] || fail "$1=$path is a file. Use a folder."
  [ -d "$path" ] || fail "the $2 folder $path does not exist. Create it, or use $1=/path."
  [ -x "$path" ] || fail "you do not have permission to open the $2 folder $path. Ask its owner, or use $1=/path."
  path=$(cd -- "$path" && pwd -P)
  export "$1=$path"
}

# load_data_folder: set DATA_DIR to its real path, and export HOST_DATA_DIR and DATA_GID if they are not the defaults.
load_data_folder() {
  local gid
  if [ ! -e data ] && [ ! -L data ]; then
    mkdir -p data/raw data/interim data/processed data/external
    hand_over data data/*
  fi
  setting DATA_DIR ./data
  load_host_folder DATA_DIR data
  unset HOST_DATA_DIR DATA_GID
  [ "$DATA_DIR" = "$(pwd -P)/data" ] || export HOST_DATA_DIR="$DATA_DIR"
  # A folder that a group shares is shared in the container too, if you are in that group and act under your own ID.
  # shellcheck disable=SC2012 # stat and find differ between macOS and Linux
  gid=$(ls -ldn "$DATA_DIR" | awk '{ print $4 }')
  if [ "$HOST_GID" = "$(id -g)" ] && [ "$gid" != "$HOST_GID" ]; then
    case " $(id -G) " in *" $gid "*) export DATA_GID="$gid" ;; esac
  fi
}

# load_cache_folder: if CACHE_DIR is set, set it to its real path, make your home folder in it, and export HOST_CACHE_DIR and
# CACHE_TYPE. Otherwise, the cache is in a volume.
load_cache_folder() {
  local here home
  unset HOST_CACHE_DIR CACHE_TYPE
  setting CACHE_DIR ''
  [ -n "$CACHE_DIR" ] || return 0
  load_host_folder CACHE_DIR cache
  here=$(pwd -P)
  # Otherwise, git could commit the tokens in it.
  case $CACHE_DIR/ in "$here"/*) fail "the cache folder $CACHE_DIR is in the project folder. Use another one: CACHE_DIR=/path." ;; esac
  # Containers could change all that is in it, such as your home folder on this machine.
  case $here/ in "${CACHE_DIR%/}"/*) fail "the cache folder $CACHE_DIR contains the project folder. Use another one: CACHE_DIR=/path." ;; esac
  home=$CACHE_DIR/$HOST_UID
  # Nobody else can read the tokens in it. The file keeps Python from storing bytecode of /workspace, which is another folder
  # in each clone: Python compares times and sizes only, so it could run the code of another clone.
  (umask 077 && mkdir -p "$home/python" && : >>"$home/python/workspace") 2>/dev/null ||
    fail "you do not have permission to write to $home. Check who owns it, or use CACHE_DIR=/path."
  hand_over "$home" "$home/python" "$home/python/workspace"
  export HOST_CACHE_DIR="$CACHE_DIR" CACHE_TYPE=bind
}

# load_folders: load the folders of this machine that containers mount besides the project folder.
load_folders() { load_data_folder; load_cache_folder; }

# prepare [--without-data]: check the settings and the engine, and write what containers need to know about this machine.
# Fails if a folder for containers is missing, unless a command works without it.
prepare() {
  load_settings
  load_engine
  load_identity
  make_local_folder
  load_clone
  write_identity
  write_git_identity
  load_ssh_agent
  write_network
  # The notebook's token is a file for containers, which `docker inspect` does not show.
  [ -s .local/jupyter_token ] || (umask 077 && random 24 | replace .local/jupyter_token)
  [ -z "$(services)" ] || make_passwords
  if [ "${1:-}" != --without-data ] || (load_folders) 2>/dev/null; then load_folders; fi
  LAB_PORT=$(cat .local/lab_port 2>/dev/null) || LAB_PORT=$PORT
  export LAB_PORT
  load_compose_file
  write_env
  bypass_proxy
}

# build_development_image [UI]: build it, and that of an editor, in a process of its own, which may write uv.lock first.
# Standard output is left to the command that needs the image.
build_development_image() {
  UI="${1:-lab}" docker/build --first >&2
  load_images
  write_network
  write_env
}

# ensure_development_image: build the development image if it is missing.
ensure_development_image() { "$DOCKER" image inspect "$IMAGE" >/dev/null 2>&1 || build_development_image; }

# ensure_ui_image: build the image of the editor in UI if it is missing.
ensure_ui_image() { [ "$UI_IMAGE" = "$IMAGE" ] || "$DOCKER" image inspect "$UI_IMAGE" >/dev/null 2>&1 || build_development_image "$UI"; }

# ensure_release_image: build the release image if it is missing.
ensure_release_image() {
  "$DOCKER" image inspect "$RELEASE_IMAGE" >/dev/null 2>&1 || { docker/release && load_images; }
}

# ensure_image: build the development image if it is missing, and check that a container can have this folder, and the GPU if one
# is asked for.
ensure_image() {
  ensure_development_image
  require_mounts
  [ "$ACCELERATOR" = cpu ] || { . docker/lib/gpu.sh && require_gpu; }
}

# run_container [OPTION...] CONTAINER [COMMAND...]: run a command in a new container, and return its status.
run_container() {
  local name terminal='' status=0
  name=$COMPOSE_PROJECT_NAME-run-$$-$(date +%s)
  [ -t 0 ] && [ -t 1 ] || terminal=--no-TTY
  # On a signal, Compose may end before its container does, which may have something to tidy up.
  # shellcheck disable=SC2064 # the name as it is now
  trap "{ '$DOCKER' stop -t 5 '$name'; '$DOCKER' rm --force '$name'; } >/dev/null 2>&1; exit 130" HUP INT TERM
  # shellcheck disable=SC2086 # an option or nothing
  compose run --rm --name "$name" $terminal "$@" || status=$?
  [ "$status" != 137 ] ||
    note "the command was killed, probably because it ran out of memory. Use less data, or raise MEMORY in .env."
  return "$status"
}
