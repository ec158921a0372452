# The container engine: its versions, its disk, and how Podman differs from Docker.

# engine ARGUMENT...: run the engine's client. Podman has no Compose, so Docker Compose talks to its socket. If engine_process is
# set, write the number of the process to the file of this name.
engine() {
  if is_podman && [ "$1" = compose ]; then
    shift
    set -- env DOCKER_HOST="$podman_host" DOCKER_BUILDKIT=0 "$compose_program" "$@"
  else
    set -- "$DOCKER" "$@"
  fi
  trace "$@"
  # shellcheck disable=SC2016 # for the inner shell
  [ -z "${engine_process:-}" ] || set -- sh -c 'echo $$ >"$0" && exec "$@"' "$engine_process" "$@"
  "$@"
}

# is_podman: return whether load_engine has found that the command in DOCKER is Podman, whatever its name.
is_podman() { case ${engine_plugins:-} in *buildx=podman*) ;; *) return 1 ;; esac; }

# is_older VERSION MINIMUM: compare major and minor numbers. A version that cannot be read is not older.
is_older() { ! printf '%s\n' "$2" "${1#v}.0" | grep '^[0-9]' | sort -c -t . -k 1,1n -k 2,2n 2>/dev/null; }

# describe_engine: print version, security options, data folder, bytes of memory, and the client's plugins and context, separated by |.
describe_engine() {
  "$DOCKER" info --format '{{.ServerVersion}}|{{.SecurityOptions}}|{{.DockerRootDir}}|{{.MemTotal}}|{{range .ClientInfo.Plugins}}{{.Name}}={{.Version}} {{end}}context={{.ClientInfo.Context}} ' ||
    { "$DOCKER" --version 2>/dev/null | grep -q '^podman ' && describe_podman; }
}
describe_podman() {
  "$DOCKER" info --format '{{.Version.Version}}|{{if .Host.Security.Rootless}}rootless{{end}}|{{.Store.GraphRoot}}|{{.Host.MemTotal}}|buildx=podman '
}

# load_engine: set engine_version, engine_security, engine_root, engine_memory and engine_plugins, or fail if the engine cannot be
# used. Set DOCKER_CLIENT to the command if it is Docker's.
load_engine() {
  local description log compose_version
  command -v "$DOCKER" >/dev/null 2>&1 ||
    fail "$DOCKER is not installed or not in PATH. See https://docs.docker.com/get-docker/."
  description=$(describe_engine 2>/dev/null) || {
    log=$(mktemp)
    describe_engine >/dev/null 2>"$log" || description=$(fail_from_log "$log" 2>&1) || true
    rm -f "$log"
    printf '%s\n' "${description:-error: Docker failed once and then answered; it may still be starting. Try again.}" >&2
    exit 1
  }
  IFS='|' read -r engine_version engine_security engine_root engine_memory engine_plugins <<END
$description
END
  DOCKER_CLIENT=''
  if is_podman; then
    ! is_older "$engine_version" 5.4 || fail "Podman $engine_version is too old: 5.4 or newer is required. See https://podman.io/docs/installation."
    load_podman
  else
    DOCKER_CLIENT=$DOCKER
    ! is_older "$engine_version" 25.0 || fail_old_docker
  fi
  compose_version=$(plugin_version compose)
  [ -n "$compose_version" ] || fail "Docker has no Compose plugin. See https://docs.docker.com/compose/install/."
  ! is_older "$compose_version" 2.21 ||
    fail "Docker Compose $compose_version is too old: 2.21 or newer is required. See https://docs.docker.com/compose/install/."
}

# fail_old_docker: fail with what is wrong with a version that Docker does not have, or no longer.
fail_old_docker() {
  ! "$DOCKER" version --format '{{range .Server.Components}}{{.Name}},{{end}}' 2>/dev/null | grep -q 'Podman Engine' ||
    fail "Docker's client cannot build with Podman $engine_version, to which it is connected. Use Podman's own: DOCKER=podman, in .env or after make."
  fail "Docker $engine_version is too old: 25.0 or newer is required. See https://docs.docker.com/engine/install/."
}

# load_podman: set compose_program and podman_host, with which Docker Compose works for Podman, and add its version to engine_plugins.
load_podman() {
  local version
  compose_program=$(find_compose) || compose_program=''
  version=$("${compose_program:-false}" version 2>/dev/null | sed -n 's/^Docker Compose version //p')
  [ -n "$version" ] ||
    fail "Podman needs Docker Compose, which podman-compose cannot replace. Install the plugin docker-compose: https://docs.docker.com/compose/install/linux/."
  engine_plugins="${engine_plugins}compose=$version "
  # `podman compose` tells the program that it runs where the socket is, in a virtual machine, too.
  # shellcheck disable=SC2016 # for the inner shell
  podman_host=$(PODMAN_COMPOSE_PROVIDER=env PODMAN_COMPOSE_WARNING_LOGS=false "$DOCKER" compose sh -c 'echo "$DOCKER_HOST"' 2>/dev/null) || podman_host=''
  [ -n "$podman_host" ] || fail_podman_socket
  "$DOCKER" --url "$podman_host" version >/dev/null 2>&1 || fail_podman_socket
}

# fail_podman_socket: fail with what to do if nobody answers at Podman's socket.
fail_podman_socket() {
  local command='systemctl --user enable --now podman.socket'
  [ -n "$engine_security" ] || command='sudo systemctl enable --now podman.socket'
  [ "$(uname)" != Darwin ] || command='podman machine start'
  fail "Podman's socket, which Docker Compose needs, does not answer. Run: $command."
}

# find_compose: print the path of Docker Compose. It is a plugin of Docker, whose client need not be installed.
find_compose() {
  local folder
  for folder in "$HOME/.docker" /usr/local/lib/docker /usr/local/libexec/docker /usr/lib/docker /usr/libexec/docker; do
    [ ! -x "$folder/cli-plugins/docker-compose" ] || { echo "$folder/cli-plugins/docker-compose" && return; }
  done
  command -v docker-compose
}

# plugin_version NAME: print the version of a plugin of the client, or nothing.
plugin_version() { echo " $engine_plugins" | sed -n "s/.* $1=\([^ ]*\).*/\1/p"; }

# engine_host: print the address of the engine, or nothing if it is the usual one of this machine.
engine_host() {
  [ -z "${DOCKER_HOST:-}" ] || { echo "$DOCKER_HOST" && return; }
  case $engine_plugins in
    *context=default* | *buildx=podman*) ;;
    *context=*) "$DOCKER" context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null || true ;;
  esac
}

# require_mounts: if the engine is on another machine, fail unless it sees this folder. Commands in containers need it.
require_mounts() {
  local log container
  case $(engine_host) in ssh:* | tcp:*) ;; *) return 0 ;; esac
  log=$(temporary_file mounts)
  container=$(engine create --mount "type=bind,target=/mnt,\"source=$(printf %s "$PWD" | sed 's/"/""/g')\"" "$IMAGE" 2>"$log") || fail_from_log "$log"
  "$DOCKER" rm "$container" >/dev/null
}

require_buildx() {
  [ -n "$(plugin_version buildx)" ] ||
    fail 'Docker has no Buildx plugin. See https://docs.docker.com/build/install-buildx/.'
}

# save_images IMAGE...: print an archive with these images.
save_images() { if is_podman; then engine save --multi-image-archive "$@"; else engine save "$@"; fi; }

require_disk_space() {
  [ -d "$engine_root" ] || return 0
  [ "$(df -Pk "$engine_root" | awk 'END { print $4 }')" -ge 1048576 ] ||
    fail "the disk is full: less than 1 GiB is free in $engine_root. '$DOCKER system df' shows what Docker stores there."
}

# pull IMAGE: pull an image that nobody builds here, and say so, since it can take minutes.
pull() {
  local log
  log=$(temporary_file pull)
  echo "pulling $1"
  # On a terminal, Docker shows how far it is.
  if [ -t 1 ]; then engine pull "$1"; else engine pull --quiet "$1" >/dev/null; fi 2>"$log" || case $(cat "$log") in
    *[Dd]'ocker daemon'* | *'no space left'* | *'no basic auth'* | *nauthorized* | *toomanyrequests* | *short-name*) fail_from_log "$log" ;;
    *) fail "cannot pull the image $1. Check the network and the proxy (HTTPS_PROXY), or run 'docker login' for its registry." ;;
  esac
}
