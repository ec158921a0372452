# shellcheck shell=sh
# What the other scripts share: settings, errors of one line, the engine. They source it from the project's folder.
set -eu

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

note() { printf 'note: %s\n' "$*" >&2; }

# setting NAME DEFAULT: from the command line or the environment, else from .env, else the default.
setting() {
  eval "value=\${$1:-}"
  if [ -z "$value" ] && [ -f .env ]; then
    value=$(sed -n "s/^$1=//p" .env | tail -n 1 | sed -e 's/^"\(.*\)"$/\1/' -e "s/^'\(.*\)'\$/\1/")
  fi
  [ -n "$value" ] || value=$2
  export "$1=$value"
}

# older HAVE WANT: whether version HAVE is below WANT, by major and minor number. An unreadable one is not.
older() {
  printf '%s %s\n' "${1#v}" "$2" | awk '{
    split($1, have, /[^0-9]/); split($2, want, /[^0-9]/)
    exit !(have[1] != "" && (have[1] + 0 < want[1] + 0 || (have[1] == want[1] && have[2] + 0 < want[2] + 0)))
  }'
}

# With V=1, the command as it could be typed. It is shown also where what the command says is kept from view.
exec 4>&2
show() {
  [ "${V:-}" = 1 ] || return 0
  printf '+' >&4
  for word; do
    case $word in
      *[!A-Za-z0-9_./:=,@%+-]* | '') printf " '%s'" "$(printf '%s' "$word" | sed "s/'/'\\\\''/g")" >&4 ;;
      *) printf ' %s' "$word" >&4 ;;
    esac
  done
  printf '\n' >&4
}

engine() {
  show "$DOCKER" "$@"
  "$DOCKER" "$@"
}

# The services of this project: each folder in services/ that has a compose.yaml.
services() {
  for file in services/*/compose.yaml; do
    [ -f "$file" ] || continue
    file=${file%/compose.yaml}
    echo "${file#services/}"
  done
}

# With a port that compose.port.yaml of a service publishes where it is set, and with services that compose.yaml does
# not name: a folder is enough. A subshell, so that no variable of the caller changes.
compose() (
  unnamed=
  for service in $(services); do
    port=$(echo "$service" | tr '[:lower:]-' '[:upper:]_')_PORT
    setting "$port" ''
    if [ -f "services/$service/compose.port.yaml" ] && eval "[ -n \"\$$port\" ]"; then
      set -- --file "services/$service/compose.port.yaml" "$@"
    fi
    grep -q "services/$service/compose.yaml" compose.yaml || unnamed="$unnamed $service"
  done
  if [ -n "$unnamed" ]; then
    # shellcheck disable=SC2086 # one word for each service
    { echo 'include:' && printf '  - services/%s/compose.yaml\n' $unnamed; } | replace .local/compose.services.yaml
    set -- --file .local/compose.services.yaml "$@"
  fi
  case $ACCELERATOR,$GPUS in
    cpu,*) ;;
    cuda,all) set -- --file compose.cuda.yaml "$@" ;;
    *)
      # A variable in YAML cannot become a list.
      ids=$(echo "$GPUS" | sed 's/[^,][^,]*/"&"/g')
      sed "s/count: all/device_ids: [$ids]/" compose.cuda.yaml | replace .local/compose.cuda.yaml
      set -- --file .local/compose.cuda.yaml "$@"
      ;;
  esac
  if [ "${V:-}" = 1 ]; then progress=plain; else progress=quiet; fi
  engine compose --progress "$progress" --file compose.yaml "$@"
)

# One line for what the engine says on standard error in file $1; with V=1 its own words too.
explain() {
  [ "${V:-}" != 1 ] || cat "$1" >&2
  if grep -qi 'no space left on device' "$1"; then
    fail "the disk is full. '$DOCKER system df' shows what Docker holds, '$DOCKER builder prune' frees its build cache."
  elif grep -qE 'Cannot connect to the Docker daemon|error during connect' "$1"; then
    fail "the Docker daemon is not running. Start Docker Desktop, or: sudo systemctl start docker."
  elif grep -q 'permission denied while trying to connect' "$1"; then
    fail "you may not use Docker's socket. Join its group (sudo usermod -aG docker \"\$USER\", then log in again), or use rootless Docker."
  elif words=$(sed -n 's/^#[0-9]* [0-9.]* error: the base image \(.*\)/\1/p' "$1" | tail -n 1) && [ -n "$words" ]; then
    fail "the base image $words"
  elif words=$(sed -n 's/^#[0-9]* [0-9.]* error: the template \(.*\)/\1/p' "$1" | tail -n 1) && [ -n "$words" ]; then
    fail "the template $words"
  elif image=$(sed -n 's/.*failed to resolve source metadata for \([^ ]*\): .*/\1/p' "$1" | head -n 1) && [ -n "$image" ]; then
    fail "the image $image cannot be fetched. Check its name, the network and the proxy (HTTPS_PROXY), or 'docker login' to its registry."
  elif grep -q 'bind source path does not exist' "$1"; then
    fail "the engine does not see this folder. If it runs on another machine (DOCKER_HOST, docker context), run make there."
  elif grep -qE 'TOML parse error|Failed to parse: .pyproject' "$1"; then
    fail "pyproject.toml is not valid. V=1 shows where."
  elif grep -q 'ERROR: process .*lists.sh' "$1"; then
    fail "uv.lock does not match pyproject.toml. Run 'make lock'."
  elif package=$(sed -n 's/.*E: Unable to locate package \([^ ]*\).*/\1/p' "$1" | head -n 1) && [ -n "$package" ]; then
    fail "there is no system package '$package'. Correct it in apt.txt or apt-dev.txt."
  elif package=$(sed -n 's/.*[Bb]ecause \([^ ]*\) was not found in the package registry.*/\1/p' "$1" | head -n 1) && [ -n "$package" ]; then
    fail "there is no Python package '$package'. Check its name."
  elif grep -q 'No solution found when resolving' "$1"; then
    fail "the packages in pyproject.toml exclude each other. V=1 shows uv's explanation; loosen a version."
  elif grep -qE 'invalid peer certificate|certificate verify failed|x509: certificate' "$1"; then
    fail "a certificate on the way is not trusted, as behind a proxy that opens connections. The image needs the company's certificate."
  elif grep -q 'Failed to download .*/python-build-standalone/' "$1"; then
    fail "the base image has no such Python, and uv cannot download it. Check the network and the proxy (HTTPS_PROXY), or use a base that has it."
  elif grep -qE 'dns error|Failed to fetch|Could not connect|Temporary failure resolving|error sending request' "$1"; then
    fail "the package index cannot be reached. Check the network and the proxy (HTTPS_PROXY)."
  elif grep -qE 'container .* (exited|is unhealthy)' "$1"; then
    last=$(tail -n 1 "$1" | cut -c 1-150)
    fail "JupyterLab did not start: $last. Run it again with V=1 for its whole log."
  fi
  fail "$(grep -i 'error' "$1" | tail -n 1 | sed 's/^[^A-Za-z]*\(ERROR: \)*//' | cut -c 1-200 | grep . || echo 'Docker failed'). Run it again with V=1 for the whole story."
}

# A name from the host, or `user` where a line of passwd could not hold it, or where there is none.
plain_name() {
  case $1 in '' | [!a-z_]* | *[!a-z0-9_.-]*) echo user ;; *) echo "$1" ;; esac
}

# Whose files the container writes. Under sudo that is the person who called it. A rootless engine shows this person
# to its containers as root.
identity() {
  HOST_UID=$(id -u) HOST_GID=$(id -g) user=$(id -un 2>/dev/null || true) group=$(id -gn 2>/dev/null || true)
  if [ "$HOST_UID" = 0 ] && [ "${SUDO_UID:-0}" != 0 ]; then
    HOST_UID=$SUDO_UID HOST_GID=$SUDO_GID user=${SUDO_USER:-} group=${SUDO_USER:-}
  fi
  user=$(plain_name "$user") group=$(plain_name "$group")
  case $engine_security in *rootless*) HOST_UID=0 HOST_GID=0 user=root group=root ;; esac
  [ "$HOST_UID" -le 2147483647 ] || fail "your user id, $HOST_UID, is larger than Docker can handle (2147483647). Use another account."
  export HOST_UID HOST_GID
}

# What make itself writes under sudo belongs to the same person.
hand_over() { [ "$(id -u)" != 0 ] || [ "$HOST_UID" = 0 ] || chown -h "$HOST_UID:$HOST_GID" "$@"; }

# replace FILE: puts standard input there in one step, if it differs.
replace() {
  temporary=$1.$$
  cat >"$temporary"
  if cmp -s "$temporary" "$1"; then rm -f "$temporary"; else mv -f "$temporary" "$1"; fi
  hand_over "$1"
}

# alone NAME: one process at a time goes on from here, until it ends. A lock whose owner is gone is taken over.
alone() {
  lock=.local/$1.lock
  until mkdir "$lock" 2>/dev/null; do
    owner=$(cat "$lock/pid" 2>/dev/null) || owner=$(sleep 1 && cat "$lock/pid" 2>/dev/null) || owner=''
    if [ -z "$owner" ] || ! kill -0 "$owner" 2>/dev/null; then rm -rf "$lock"; else sleep 1; fi
  done
  echo $$ >"$lock/pid"
  trap 'rm -rf "$lock" "$why"' EXIT
  trap 'exit 130' INT TERM
}

random() { # BYTES
  od -An -tx1 -N"$1" /dev/urandom | tr -d ' \n'
}

# can ACTION SERVICE: sets script to what the service has for it, and containers to those that it runs in. The script names
# them in lines of their own, # In: NAME, and what follows such a line runs there. Without one it is the main container.
can() {
  able=$(for script in services/*/"$1.sh"; do echo "$script"; done | cut -d / -f 2 | paste -s -d ' ' -)
  case " $able " in
    *" $2 "*) ;;
    ' * ') fail "there is no 'make $1-$2'. 'make' lists the commands." ;;
    *) fail "there is no 'make $1-$2'. Use make $1- with one of: $able." ;;
  esac
  script=services/$2/$1.sh
  containers=$(sed -n 's/^# In: //p' "$script")
  containers=${containers:-$2}
}

several() { [ "$containers" != "${containers%%[[:space:]]*}" ]; }

# The part of the script for the container number $1.
part() {
  if several; then awk -v number="$1" '/^# In: / { at++ } at == number' "$script"; else cat "$script"; fi
}

# What an engine or a program in a container has said last, without a full stop.
last_words() { grep . "$why" | tail -n 1 | cut -c 1-200 | sed 's/[.[:space:]]*$//'; }

# secrets COMPOSE-FILE...: the names of the passwords that it takes from a file.
secrets() { sed -n 's|.*\.local/secrets/\([a-z0-9_]*\).*|\1|p' "$@" 2>/dev/null | sort -u; }

# A password for each that a service asks for: random, in .env, where you can read and change it. Containers get it as
# a file, which `docker inspect` does not show.
passwords() {
  files=$(secrets services/*/compose.yaml)
  required=$(cat services/*/compose.yaml 2>/dev/null | sed -n 's/.*\${\([A-Z0-9_]*_PASSWORD\):?.*/\1/p' | sort -u)
  for name in $(printf '%s\n%s\n' "$files" "$required" | tr '[:lower:]' '[:upper:]' | sort -u); do
    setting "$name" ''
    eval "[ -z \"\$$name\" ]" || continue
    # In a process of its own, which ends with the lock. Another may have been faster.
    (
      why=
      alone passwords
      grep -q "^$name=." .env 2>/dev/null || (
        umask 077
        # The last line may have no end.
        { [ ! -f .env ] || awk 1 .env; echo "$name=$(random 16)"; } | replace .env
      )
    )
    setting "$name" ''
  done
  [ ! -f .env ] || [ -z "$files$required" ] || chmod 600 .env
  [ -n "$files" ] || return 0
  mkdir -p .local/secrets
  for name in $files; do
    eval "printf %s \"\$$(echo "$name" | tr '[:lower:]' '[:upper:]')\"" | replace ".local/secrets/$name"
    # Another user reads it in the container. Here nobody else can enter the folder .local.
    chmod 644 ".local/secrets/$name"
  done
  hand_over .local/secrets
}

# The folder .local: what belongs to this person on this machine.
local_files() {
  # With -p, since another make may just have made it.
  [ -d .local ] || (umask 077 && mkdir -p .local 2>/dev/null) ||
    fail "this folder is not writable. Check who owns it: ls -ld ."
  [ -w .local ] || fail "the folder .local is not yours. Take it over: sudo chown -R \"\$(id -u):\$(id -g)\" .local"
  hand_over .local
  {
    echo "$user:x:$HOST_UID:$HOST_GID::/home/user:/bin/bash"
    [ "$HOST_UID" = 0 ] || echo 'root:x:0:0:root:/root:/usr/sbin/nologin'
    [ "$HOST_UID" = 65534 ] || [ "$user" = nobody ] || echo 'nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin'
  } | replace .local/passwd
  {
    echo "$group:x:$HOST_GID:"
    [ "$HOST_GID" = 0 ] || [ "$group" = root ] || echo 'root:x:0:'
    [ "$HOST_GID" = 65534 ] || echo 'nogroup:x:65534:'
  } | replace .local/group
  chmod 644 .local/passwd .local/group
  passwords
}

# Sets DATA_DIR to the real path, whatever it was: relative, a link, on another disk.
data_folder() {
  if [ ! -e data ] && [ ! -L data ]; then
    mkdir -p data/raw data/interim data/processed data/external
    hand_over data data/*
  fi
  setting DATA_DIR ./data
  if [ -L "$DATA_DIR" ] && [ ! -e "$DATA_DIR" ]; then
    fail "the data folder $DATA_DIR is a link to a folder that does not exist. Mount or create it, or use DATA_DIR=/path."
  fi
  [ ! -f "$DATA_DIR" ] || fail "DATA_DIR=$DATA_DIR is a file. Name the folder that the data are in."
  [ -d "$DATA_DIR" ] || fail "the data folder $DATA_DIR does not exist. Create it, or use DATA_DIR=/path."
  [ -x "$DATA_DIR" ] || fail "the data folder $DATA_DIR may not be entered by you. Ask its owner, or use DATA_DIR=/path."
  DATA_DIR=$(cd -- "$DATA_DIR" && pwd -P)
  # A folder that its group shares stays so in the container, for those who are in that group here, and under their own
  # identity there.
  # shellcheck disable=SC2012 # stat and find say it differently on macOS and Linux
  data_gid=$(ls -ldn "$DATA_DIR" | awk '{ print $4 }')
  DATA_GID=$HOST_GID
  if [ "$HOST_GID" = "$(id -g)" ]; then
    case " $(id -G) " in *" $data_gid "*) DATA_GID=$data_gid ;; esac
  fi
  export DATA_DIR DATA_GID
}

# Says in one line why the engine cannot be used, or sets engine_security and engine_root.
engine_ready() {
  command -v "$DOCKER" >/dev/null 2>&1 ||
    fail "$DOCKER is not installed or not in PATH. See https://docs.docker.com/get-docker/."
  about=$("$DOCKER" info --format "$engine_format" 2>/dev/null) || {
    why=$(mktemp)
    trap 'rm -f "$why"' EXIT
    "$DOCKER" info --format "$engine_format" >/dev/null 2>"$why" || explain "$why"
    fail "'$DOCKER info' works only now and then. Run it again."
  }
  engine_version=${about%%|*} engine_security=${about#*|} engine_root=${about##*|}
  if [ "${DOCKER##*/}" != podman ] && older "$engine_version" 25.0; then
    fail "Docker $engine_version is too old: 25.0 or newer is needed. See https://docs.docker.com/engine/install/."
  fi
  compose_version=$("$DOCKER" compose version --short 2>/dev/null) ||
    fail "Docker has no Compose plugin. See https://docs.docker.com/compose/install/."
  if older "$compose_version" 2.21; then
    fail "Docker Compose $compose_version is too old: 2.21 or newer is needed. See https://docs.docker.com/compose/install/."
  fi
}

buildx_ready() {
  "$DOCKER" buildx version >/dev/null 2>&1 || [ "${DOCKER##*/}" = podman ] ||
    fail 'Docker has no Buildx plugin. See https://docs.docker.com/build/install-buildx/.'
}

disk_ready() {
  [ -d "$engine_root" ] || return 0
  [ "$(df -Pk "$engine_root" | awk 'END { print $4 }')" -ge 1048576 ] ||
    fail "the disk is full: less than 1 GiB is free in $engine_root. '$DOCKER system df' shows what Docker holds."
}

# Compose reads .env too, and would refuse a line in words of its own. A quoted value may go over several lines.
settings_readable() {
  [ -f .env ] || return 0
  [ -r .env ] || fail ".env is not readable by you. Check who owns it: ls -l .env."
  line=$(awk -v quotes="[\"']" '
    quote { if (index($0, quote)) quote = ""; next }
    /^[ \t]*(#|$)/ { next }
    !/^[ \t]*(export[ \t]+)?[A-Za-z_][A-Za-z0-9_.]*[ \t]*=/ { print NR; exit }
    { value = $0; sub(/^[^=]*=/, "", value); first = substr(value, 1, 1) }
    first ~ quotes && !index(substr(value, 2), first) { quote = first }' .env)
  [ -z "$line" ] || fail "line $line of .env is not NAME=value. Correct it, or put a # before it."
}

settings() {
  settings_readable
  setting DOCKER docker
  setting ACCELERATOR "$DEFAULT_ACCELERATOR"
  case $ACCELERATOR in
    cpu | cuda) ;;
    *) fail "there is no accelerator '$ACCELERATOR'. Use ACCELERATOR=cpu or ACCELERATOR=cuda." ;;
  esac
  setting GPUS all
  gpu='([0-9]+|(GPU|MIG)-[0-9A-Za-z-]+)'
  printf '%s\n' "$GPUS" | grep -Eqx "all|$gpu(,$gpu)*" ||
    fail "'$GPUS' are no GPUs. Use GPUS=all, or numbers as nvidia-smi lists them: GPUS=0,1."
  setting PORT ''
  asked_port=$PORT
  PORT=${PORT:-8888}
  case $PORT in *[!0-9]* | ??????*) PORT=0 ;; esac
  [ "$PORT" -ge 1024 ] && [ "$PORT" -le 65535 ] ||
    fail "'$asked_port' is not a port for this. Use a number from 1024 to 65535, as in PORT=8889."
  case ${DOCKER##*/} in
    podman) engine_format='{{.Version.Version}}|rootless={{.Host.Security.Rootless}}|{{.Store.GraphRoot}}' ;;
    *) engine_format='{{.ServerVersion}}|{{.SecurityOptions}}|{{.DockerRootDir}}' ;;
  esac
  IMAGE=$PROJECT:$ACCELERATOR RELEASE_IMAGE=$PROJECT:release
  # Two clones of this project, on one machine, are two Compose projects.
  COMPOSE_PROJECT_NAME=${COMPOSE_PROJECT_NAME:-$PROJECT-$(pwd -P | cksum | cut -d ' ' -f 1)}
  export IMAGE RELEASE_IMAGE COMPOSE_PROJECT_NAME
  # Services are in reach without a proxy.
  if [ -n "${HTTP_PROXY:-}${http_proxy:-}${HTTPS_PROXY:-}${https_proxy:-}" ]; then
    near=localhost,127.0.0.1$(sed -n 's/^  \([a-z][a-z0-9-]*\):$/,\1/p' services/*/compose.yaml 2>/dev/null | sort -u | tr -d '\n')
    export NO_PROXY="${NO_PROXY:+$NO_PROXY,}$near" no_proxy="${no_proxy:+$no_proxy,}$near"
  fi
}

# Everything that a container needs here, without the data and with them.
ready_without_data() {
  settings
  engine_ready
  identity
  local_files
}

ready() {
  ready_without_data
  data_folder
}

# The image, which is built where it is missing, and a GPU where one is asked for.
image_ready() {
  "$DOCKER" image inspect "$IMAGE" >/dev/null 2>&1 || scripts/build.sh dev
  [ "$ACCELERATOR" = cpu ] || scripts/gpu.sh
}
