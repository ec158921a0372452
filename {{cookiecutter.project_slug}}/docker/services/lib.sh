# Services: their containers, their passwords and their data. A container of the service `dash` is named `dash` or
# `dash-something`; if several services match, it belongs to the one with the longest name.

# services: list the folders in services/ that have a compose.yaml.
services() {
  local file
  for file in services/*/compose.yaml; do
    [ ! -f "$file" ] || basename "${file%/compose.yaml}"
  done
}

# service_of CONTAINER: print the service that a container belongs to, or nothing.
service_of() {
  local service owner=''
  for service in $(services); do
    case $1 in
      "$service" | "$service"-*) [ "${#service}" -lt "${#owner}" ] || owner=$service ;;
    esac
  done
  [ -z "$owner" ] || echo "$owner"
}

# require_service NAME: fail unless the project has this service.
require_service() {
  [ -f "services/$1/compose.yaml" ] || fail "there is no service '$1'. The services are: $(services | paste -s -d ' ' -)."
}

# list_targets SERVICE: print the targets of a service as they would be in a Makefile, with a ## comment for each.
list_targets() {
  echo "##@ Service $1"
  echo "example-$1: ## Try $1: what you can do with it, from start to end"
  [ ! -f "services/$1/backup.sh" ] || echo "backup-$1: ## Write its data to data/backups/"
  [ ! -f "services/$1/restore.sh" ] || echo "restore-$1: ## Restore the newest backup, or FILE=..."
  [ ! -f "services/$1/password.sh" ] || echo "password-$1: ## Change its password to the one in .env"
  [ ! -f "services/$1/service.mk" ] || awk 1 "services/$1/service.mk"
}

# chosen_services: list the service in the variable SERVICE, or all.
chosen_services() {
  [ -n "$(services)" ] || fail 'this project has no services. Add one: make add-service NAME=postgres.'
  if [ -n "${SERVICE:-}" ]; then
    require_service "$SERVICE"
    echo "$SERVICE"
  else
    services
  fi
}

# with_needs SERVICE...: list services, each after those that it needs.
with_needs() {
  local service
  for service; do
    # shellcheck disable=SC2046 # one word for each service
    [ ! -f "services/$service/needs" ] || with_needs $(sed 's/#.*//' "services/$service/needs")
    echo "$service"
  done | awk '!listed[$1]++'
}

# needs_any SERVICE OTHER...: succeed if a service is one of the others, or needs one of them.
needs_any() {
  local service="$1" needed other
  shift
  [ $# -gt 0 ] || return 1
  needed=" $(with_needs "$service" | tr '\n' ' ')"
  for other; do
    case $needed in *" $other "*) return 0 ;; esac
  done
  return 1
}

# config FILE [OPTION...]: write the whole Compose configuration to a file, as Compose itself resolves it.
config() {
  local file="$1" log
  shift
  log=$(temporary_file config-log)
  compose "$@" config >"$file" 2>"$log" || fail_from_log "$log"
}

# list_containers CONFIG: print a line for each container in a configuration: its name, its image, and `build` if Compose
# builds that image, or `development` or `release` if it builds it from that image of the project.
list_containers() {
  awk '
    /^[a-z]/ { in_services = ($1 == "services:") }
    !in_services { next }
    /^  [^ ].*:$/ { name = substr($1, 1, length($1) - 1) }
    /^    image: / { image[name] = $2 }
    /^    build:/ { how[name] = "build" }
    /^        IMAGE: / { how[name] = "development" }
    /^        RELEASE_IMAGE: / { how[name] = "release" }
    END { for (name in image) print name, image[name], how[name] }' "$1" | sort
}

# of_services SERVICE...: keep the lines whose first word is a container of one of these services.
of_services() {
  local name rest service
  while read -r name rest; do
    service=$(service_of "$name")
    case " $* " in *" ${service:-/} "*) echo "$name $rest" ;; esac
  done
}

# build_services CONTAINER...: build the images of containers, and pass on the proxy. With Podman, podman.sh replaces this.
build_services() {
  # shellcheck disable=SC2046 # an option and its value for each proxy
  engine compose --progress plain build $(proxy_arguments) "$@"
}

# compose_build CONTAINER...: build the images of containers, and fail with the reason if that fails.
compose_build() {
  local log name message faults=''
  log=$(temporary_file build)
  ! is_podman || . docker/services/podman.sh
  follow_build "$log" build_services "$@" || {
    for name; do faults="$faults services/$(service_of "$name")/faults.txt"; done
    # shellcheck disable=SC2086 # one word for each file
    if message=$(known_fault "$log" $faults); then trace_file "$log" && fail "$message"; fi
    fail_from_log "$log"
  }
}

# build_containers CONTAINER...: build their images. If that fails only because a base image cannot be pulled (for example,
# without a network) and the images exist already, note it and go on.
build_containers() {
  local error
  { error=$(compose_build "$@" 2>&1 >&3); } 3>&1 && return
  case $error in *'cannot pull the image'*) ;; *) printf '%s\n' "$error" >&2; exit 1 ;; esac
  # shellcheck disable=SC2046 # one word for each image
  "$DOCKER" image inspect $(compose config --images "$@") >/dev/null 2>&1 || { printf '%s\n' "$error" >&2; exit 1; }
  note "$*: using the images of the last build. ${error#error: }"
}

# ensure_images CONTAINERS: pull or build what the containers in this list lack.
ensure_images() {
  local images image how built
  images=$(awk '{ print $2 }' "$1" | sort -u)
  # shellcheck disable=SC2086 # one word for each image
  if ! "$DOCKER" image inspect $images >/dev/null 2>&1; then
    awk '{ print $2, $3 }' "$1" | sort -u >"$1.images"
    while read -r image how; do
      if [ -n "$how" ] || "$DOCKER" image inspect "$image" >/dev/null 2>&1; then continue; fi
      case $image in "$IMAGE") build_development_image ;; *) pull "$image" ;; esac
    done <"$1.images"
  fi
  ! grep -q ' development$' "$1" || ensure_development_image
  ! grep -q ' release$' "$1" || ensure_release_image
  built=$(awk '$3 { print $1 }' "$1")
  # shellcheck disable=SC2086,SC2116 # one word for each container
  [ -z "$built" ] || { echo "building $(echo $built)" && build_containers $built; }
}

# are_running CONTAINER...: succeed if all of them run, whether they are healthy or not.
are_running() {
  local running name
  running=" $(compose ps --services --status running | tr '\n' ' ')"
  for name; do
    case $running in *" $name "*) ;; *) return 1 ;; esac
  done
}

# restart_failing CONTAINERS: restart those in this list that are unhealthy or that restart again and again. Compose gives up
# on them at once, even if their fault has been fixed since.
restart_failing() {
  local ids name id state
  ids=$("$DOCKER" ps --quiet --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME")
  [ -n "$ids" ] || return 0
  # shellcheck disable=SC2086 # one word for each container
  "$DOCKER" inspect --format '{{index .Config.Labels "com.docker.compose.service"}} {{.Id}} {{.State.Status}} {{.RestartCount}} {{if .State.Health}}{{.State.Health.Status}}{{end}}' $ids 2>/dev/null |
    while read -r name id state; do
      case $state in *unhealthy | restarting* | *' '[1-9]*' starting') ;; *) continue ;; esac
      ! grep -q "^$name " "$1" || engine restart "$id" >/dev/null 2>&1 || true
    done
}

# require_memory CONFIG CONTAINERS: fail if the containers in a list reserve more memory than the engine has.
require_memory() {
  local memory
  memory=$(awk '
    NR == FNR { listed[$1] = 1; next }
    /^[a-z]/ { in_services = ($1 == "services:") }
    in_services && /^  [^ ].*:$/ { name = substr($1, 1, length($1) - 1); number = 1 }
    in_services && /^      replicas: / { number = $2 }
    in_services && /^    mem_reservation: / && listed[name] { gsub(/"/, "", $2); sum += number * $2 }
    END { printf "%.0f", sum / 1e6 }' "$2" "$1")
  [ "${engine_memory:-0}" = 0 ] || [ "$memory" -le $((engine_memory / 1000000)) ] ||
    fail "these services need $memory MB of memory, and Docker has $((engine_memory / 1000000)) MB. Start some of them with SERVICE=, or give Docker more memory."
}

# start_services [--no-recreate]: start the services in chosen_services and wait until they are healthy. Print nothing if
# none of them has a container to start. Their names and images are in the temporary file `containers` afterwards.
start_services() {
  local services list log service names changed=''
  services=$(chosen_services)
  # shellcheck disable=SC2086 # one word for each service
  services=$(with_needs $services)
  list=$(temporary_file containers) log=$(temporary_file up)
  load_start_timeout
  lock services
  config "$list.config"
  # shellcheck disable=SC2086 # one word for each service
  list_containers "$list.config" | of_services $services >"$list"
  names=$(awk '{ print $1 }' "$list")
  [ -n "$names" ] || return 0
  require_memory "$list.config" "$list"
  # A container keeps the passwords that it started with, also those of the services that it needs.
  for service in $services; do
    ! update_secrets "$service" || changed="$changed $service"
  done
  for service in $services; do
    # shellcheck disable=SC2046,SC2086 # one word for each service or container
    ! needs_any "$service" $changed || discard $(of_services "$service" <"$list" | awk '{ print $1 }')
  done
  # shellcheck disable=SC2086 # one word for each container
  if [ "${1:-}" != --no-recreate ] || ! are_running $names; then
    ensure_images "$list"
    # shellcheck disable=SC2116 # on one line
    echo "starting $(echo $services)"
  fi
  restart_failing "$list"
  # shellcheck disable=SC2086 # one word for each container
  compose_up "$@" $names 2>"$log" || fail_start "$log" $names
}

# ensure_running SERVICE: start a service, unless it runs. A running container keeps the settings that it started with.
ensure_running() { SERVICE=$1 && start_services --no-recreate; }

# port_setting PORT: print the setting that publishes a port on this machine, or nothing.
port_setting() {
  cat services/*/.env.example 2>/dev/null | sed -n 's/^#\([A-Z0-9_]*_PORT\)=\(.*\)/\1 \2/p' | while read -r name default; do
    setting "$name" "$default"
    if eval "[ \"\$$name\" = $1 ]"; then
      echo "$name"
      break
    fi
  done
}

# fail_start LOG CONTAINER...: fail with the reason why containers did not start.
fail_start() {
  local log="$1" port name failed id
  shift
  port=$(sed -n -e 's/.*127\.0\.0\.1:\([0-9]*\).*already.*/\1/p' -e 's/.*not available.*127\.0\.0\.1:\([0-9]*\).*/\1/p' "$log" | head -n 1)
  if [ -n "$port" ]; then
    trace_file "$log"
    name=$(port_setting "$port")
    # A container that did not get its port would stay as it is.
    compose rm --force "$@" >/dev/null 2>&1 || true
    [ -n "$name" ] || fail "port $port is in use. Change it in the compose.yaml of the service."
    fail "port $port is in use. Use another one: make up $name=$((port + 1)), or put $name=$((port + 1)) into .env."
  fi
  # Compose names the container that failed, except for a few faults. Others may only have waited for it.
  failed=$(sed -n -e 's/.*container \([^ ]*\) is unhealthy.*/\1/p' -e 's/.*container \([^ ]*\) exited.*/\1/p' "$log" | head -n 1)
  for id in $failed $(compose ps --all --quiet "$@"); do fail_container "$id" "$failed"; done
  ! is_late || fail_waiting "$@"
  fail_from_log "$log"
}

# fail_waiting CONTAINER...: fail with the name of the container that was not healthy in time. Others may wait for it.
fail_waiting() {
  local ids name
  ids=$(compose ps --all --quiet "$@")
  # shellcheck disable=SC2086 # one word for each container
  name=$("$DOCKER" inspect --format '{{.State.Status}}{{if .State.Health}} {{.State.Health.Status}}{{end}} {{index .Config.Labels "com.docker.compose.service"}}' $ids |
    sort -r | sed -nE 's/^(running|created) starting //p; s/^created ([^ ]+)$/\1/p' | head -n 1)
  name=${name:-$1}
  fail "$name is not healthy after $START_TIMEOUT seconds. 'make logs SERVICE=$(service_of "$name")' shows its log. START_TIMEOUT=$((START_TIMEOUT * 2)) waits longer."
}

# fail_container ID [NAME]: fail with the reason, if this container is NAME or is not well.
fail_container() {
  local state container service log message
  state=$("$DOCKER" inspect --format '{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{end}} {{.State.OOMKilled}} {{index .Config.Labels "com.docker.compose.service"}}' "$1") ||
    return 0
  case "$state $1" in exited* | restarting* | dead* | 'running unhealthy'* | *" ${2:-/}") ;; *) return 0 ;; esac
  container=${state##* } service=$(service_of "${state##* }") log=$(temporary_file log)
  case $state in
    *' true '*) fail "$container was killed because it ran out of memory. Raise mem_limit in services/$service/compose.yaml or MEMORY in .env, or give Docker more memory." ;;
  esac
  container_log "$1" --since "$("$DOCKER" inspect --format '{{json .State.StartedAt}}' "$1" | tr -d '"')" >"$log"
  message=$(known_fault "$log" "services/$service/faults.txt" docker/lib/faults.txt) || {
    # A container that has just started again has said nothing yet.
    container_log "$1" --tail 100 >"$log"
    message=$(known_fault "$log" "services/$service/faults.txt" docker/lib/faults.txt) ||
      message="$container did not start: $(last_line "$log"). 'make logs SERVICE=$service' shows more."
  }
  trace_file "$log"
  fail "$message"
}

# container_log ID OPTION...: print a container's log and the output of its last health check.
container_log() {
  local id="$1"
  shift
  "$DOCKER" logs "$@" "$id" 2>&1 || true
  "$DOCKER" inspect --format '{{if .State.Health}}{{range .State.Health.Log}}{{println .Output}}{{end}}{{end}}' "$id" |
    grep . | tail -n 1 || true
}

# container_names [OPTION...]: list the containers of the services in chosen_services. OPTION is for `docker compose`.
container_names() {
  local list services
  services=$(chosen_services)
  list=$(temporary_file names)
  config "$list" "$@"
  # shellcheck disable=SC2086 # one word for each service
  list_containers "$list" | of_services $services | awk '{ print $1 }'
}

# discard CONTAINER...: stop and remove containers. Without a name, Compose would remove the notebook, too.
discard() {
  local log
  log=$(temporary_file discard)
  [ $# = 0 ] || compose rm --force --stop --volumes "$@" >/dev/null 2>"$log" || fail_from_log "$log"
}

# remove_containers: stop and remove the containers of the services in chosen_services. The network goes with the last
# container.
remove_containers() {
  local names
  names=$(container_names --profile '*')
  # shellcheck disable=SC2086 # one word for each container
  discard $names
  [ -n "$(compose ps --all --quiet)" ] || compose down >/dev/null 2>&1 || true
}

# remove_volumes SERVICE: remove the volumes that only this service's containers mount, those of this clone.
remove_volumes() {
  local list volume service id log
  list=$(temporary_file volumes) log=$(temporary_file volume-log)
  config "$list.config" --profile '*'
  awk '
    /^[a-z]/ { in_services = ($1 == "services:") }
    !in_services { next }
    /^  [^ ].*:$/ { name = substr($1, 1, length($1) - 1) }
    /^      - type: / { type = $3 }
    /^        source: / && type == "volume" { print name, $2 }' "$list.config" >"$list"
  # shellcheck disable=SC2094 # it is only read
  of_services "$1" <"$list" | awk '{ print $2 }' | sort -u | while read -r volume; do
    # One that others mount too, such as the cache, stays.
    awk -v volume="$volume" '$2 == volume { print $1 }' "$list" | while read -r name; do echo "/$(service_of "$name")"; done |
      grep -qvx "/$1" && continue
    id=$("$DOCKER" volume ls --quiet --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" \
      --filter "label=com.docker.compose.volume=$volume")
    [ -z "$id" ] || engine volume rm "$id" >/dev/null 2>"$log" || fail_from_log "$log"
  done
}

# service_script ACTION SERVICE: print the path of services/SERVICE/ACTION.sh, or fail with the services that have one.
service_script() {
  local script able=''
  for script in services/*/"$1.sh"; do
    [ ! -f "$script" ] || able="$able $(basename "$(dirname "$script")")"
  done
  case "$able " in
    ' ') fail "there is no 'make $1-$2'. 'make' lists the commands." ;;
    *" $2 "*) echo "services/$2/$1.sh" ;;
    *) fail "there is no 'make $1-$2'. Use make $1- with one of:$able." ;;
  esac
}

# Passwords. Containers get them as files, which `docker inspect` does not show.

lower() { echo "$1" | tr '[:upper:]' '[:lower:]'; }

# password_names [SERVICE]: list the passwords of a service, or of all: the *_PASSWORD settings in .env.example.
password_names() {
  # shellcheck disable=SC2086 # a pattern
  cat services/${1:-*}/.env.example 2>/dev/null | sed -n 's/^#\([A-Z0-9_]*_PASSWORD\)=.*/\1/p' | sort -u
}

# write_password NAME: write a random password to .env, unless another command has just done so.
write_password() {
  lock env
  # The last line may lack its end.
  grep -q "^$1=." .env 2>/dev/null ||
    (umask 077 && { [ ! -f .env ] || awk 1 .env; echo "$1=$(random 16)"; } | replace .env)
  unlock env
}

# write_secret NAME: write a password to the file that containers read. Its folder is closed to other users of this
# machine; the file is not, since another user reads it in the container.
write_secret() {
  eval "printf %s \"\$$1\"" | replace ".local/secrets/$(lower "$1")"
  chmod 644 ".local/secrets/$(lower "$1")"
}

# make_passwords: make the passwords that are missing, in .env and as files for containers.
make_passwords() {
  local name
  for name in $(password_names); do
    setting "$name" ''
    if eval "[ -z \"\$$name\" ]"; then
      write_password "$name"
      setting "$name" ''
    fi
    [ -d .local/secrets ] || { mkdir -p .local/secrets && hand_over .local/secrets; }
    [ -f ".local/secrets/$(lower "$name")" ] || write_secret "$name"
  done
}

# update_secrets SERVICE: write the passwords of a service that differ from those in .env. Succeed if there were any.
update_secrets() {
  local name updated=1
  for name in $(password_names "$1"); do
    setting "$name" ''
    eval "[ \"\$$name\" != \"\$(cat '.local/secrets/$(lower "$name")')\" ]" || continue
    write_secret "$name"
    updated=0
  done
  return "$updated"
}

# What Compose reads.

# service_setting SERVICE SUFFIX: print the name of a setting: for dash and PORT, DASH_PORT.
service_setting() { echo "$1_$2" | tr '[:lower:]-' '[:upper:]_'; }

# load_number NAME DEFAULT TARGET: set NAME from the command line, .env or the default, and check that it is a whole number.
load_number() {
  local value
  setting "$1" "$2"
  eval "value=\$$1"
  case $value in
    *[!0-9]* | 0* | ?????*) fail "$1=$value is not a whole number from 1 to 9999. Use make $3 $1=$2." ;;
  esac
}

# write_compose_services: write a Compose file that includes each service, with compose.port.yaml if its port is set.
write_compose_services() {
  local service port
  {
    echo 'include:'
    for service in $(services); do
      port=$(service_setting "$service" PORT)
      setting "$port" ''
      if [ -f "services/$service/compose.port.yaml" ] && eval "[ -n \"\$$port\" ]"; then
        echo "  - path: [services/$service/compose.yaml, services/$service/compose.port.yaml]"
      else
        echo "  - services/$service/compose.yaml"
      fi
    done
  } | replace .local/compose.services.yaml
}
