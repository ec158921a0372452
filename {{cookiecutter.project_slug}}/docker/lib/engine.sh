# The container engine: its versions, its disk, and how Podman differs from Docker.

engine() {
  trace "$DOCKER" "$@"
  "$DOCKER" "$@"
}

is_podman() { [ "${DOCKER##*/}" = podman ]; }

# is_older VERSION MINIMUM: compare major and minor numbers. A version that cannot be read is not older.
is_older() { ! printf '%s\n' "$2" "${1#v}.0" | grep '^[0-9]' | sort -c -t . -k 1,1n -k 2,2n 2>/dev/null; }

# describe_engine: print version, security options, data folder, bytes of memory and the client's plugins, separated by |.
describe_engine() {
  local format='{{.ServerVersion}}|{{.SecurityOptions}}|{{.DockerRootDir}}|{{.MemTotal}}|{{range .ClientInfo.Plugins}}{{.Name}}={{.Version}} {{end}}'
  if is_podman; then
    format='{{.Version.Version}}|{{if .Host.Security.Rootless}}rootless{{end}}|{{.Store.GraphRoot}}|{{.Host.MemTotal}}|buildx=podman '
    format="${format}compose=$("$DOCKER" compose version --short 2>/dev/null || true)"
  fi
  "$DOCKER" info --format "$format"
}

# load_engine: set engine_version, engine_security, engine_root, engine_memory and engine_plugins, or fail if the engine cannot be used.
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
  is_podman || ! is_older "$engine_version" 25.0 ||
    fail "Docker $engine_version is too old: 25.0 or newer is required. See https://docs.docker.com/engine/install/."
  compose_version=$(plugin_version compose)
  [ -n "$compose_version" ] || fail "Docker has no Compose plugin. See https://docs.docker.com/compose/install/."
  ! is_older "$compose_version" 2.21 ||
    fail "Docker Compose $compose_version is too old: 2.21 or newer is required. See https://docs.docker.com/compose/install/."
}

# plugin_version NAME: print the version of a plugin of the client, or nothing.
plugin_version() { echo " $engine_plugins" | sed -n "s/.* $1=\([^ ]*\).*/\1/p"; }

require_buildx() {
  [ -n "$(plugin_version buildx)" ] ||
    fail 'Docker has no Buildx plugin. See https://docs.docker.com/build/install-buildx/.'
}

require_disk_space() {
  [ -d "$engine_root" ] || return 0
  [ "$(df -Pk "$engine_root" | awk 'END { print $4 }')" -ge 1048576 ] ||
    fail "the disk is full: less than 1 GiB is free in $engine_root. '$DOCKER system df' shows what Docker stores there."
}
