# The container engine: its versions, its disk, and how Podman differs from Docker.

engine() {
  trace "$DOCKER" "$@"
  "$DOCKER" "$@"
}

is_podman() { [ "${DOCKER##*/}" = podman ]; }

# is_older VERSION MINIMUM: compare major and minor numbers. A version that cannot be read is not older.
is_older() {
  printf '%s %s\n' "${1#v}" "$2" | awk '{
    split($1, have, /[^0-9]/); split($2, minimum, /[^0-9]/)
    exit !(have[1] != "" && (have[1] + 0 < minimum[1] + 0 || (have[1] == minimum[1] && have[2] + 0 < minimum[2] + 0)))
  }'
}

# describe_engine: print version, security options, data folder and the client's plugins, separated by |.
describe_engine() {
  if is_podman; then
    "$DOCKER" info --format '{{.Version.Version}}|{{if .Host.Security.Rootless}}rootless{{end}}|{{.Store.GraphRoot}}|'"
      buildx=podman compose=$("$DOCKER" compose version --short 2>/dev/null || true)"
  else
    "$DOCKER" info --format \
      '{{.ServerVersion}}|{{.SecurityOptions}}|{{.DockerRootDir}}|{{range .ClientInfo.Plugins}}{{.Name}}={{.Version}} {{end}}'
  fi
}

# load_engine: set engine_version, engine_security, engine_root and engine_plugins, or fail if the engine cannot be used.
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
  IFS='|' read -r engine_version engine_security engine_root engine_plugins <<END
$(echo "$description" | tr '\n' ' ')
END
  is_podman || ! is_older "$engine_version" 25.0 ||
    fail "Docker $engine_version is too old: 25.0 or newer is required. See https://docs.docker.com/engine/install/."
  compose_version=$(plugin_version compose)
  [ -n "$compose_version" ] || fail "Docker has no Compose plugin. See https://docs.docker.com/compose/install/."
  ! is_older "$compose_version" 2.21 ||
    fail "Docker Compose $compose_version is too old: 2.21 or newer is required. See https://docs.docker.com/compose/install/."
}

# plugin_version NAME: print the version of a plugin of the client, or nothing.
plugin_version() {
  local plugin
  for plugin in $engine_plugins; do
    case $plugin in "$1"=*) echo "${plugin#*=}" ;; esac
  done
}

require_buildx() {
  [ -n "$(plugin_version buildx)" ] ||
    fail 'Docker has no Buildx plugin. See https://docs.docker.com/build/install-buildx/.'
}

require_disk_space() {
  [ -d "$engine_root" ] || return 0
  [ "$(df -Pk "$engine_root" | awk 'END { print $4 }')" -ge 1048576 ] ||
    fail "the disk is full: less than 1 GiB is free in $engine_root. '$DOCKER system df' shows what Docker stores there."
}
