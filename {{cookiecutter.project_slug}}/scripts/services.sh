#!/bin/sh
# services.sh up     starts the services, or the one in the variable SERVICE, and waits until they are healthy
# services.sh need   the same, unless they are: what runs goes on with the settings that it was started with
# services.sh down   stops and removes their containers; VOLUMES=1 removes what SERVICE stores, too
# services.sh ps     lists them
# services.sh logs   prints the end of their logs; FOLLOW=1 goes on with it
cd -- "$(dirname -- "$0")/.." || exit
. scripts/common.sh

# The names in compose.yaml of service $1, without those that only a command starts.
parts() {
  "$DOCKER" compose --file "services/$1/compose.yaml" config --services --no-consistency 2>"$why" || explain "$why"
}

# Where a container of part $1 can be reached from this machine.
address() {
  for id in $(compose ps --quiet "$1"); do
    "$DOCKER" port "$id" | sed -n 's|^[0-9]*/tcp -> \(127.0.0.1:[0-9]*\)$|\1|p'
  done
}

# The images that are neither here nor built here, so that nobody waits for a download without knowing.
fetch() {
  for image in $(compose config --images "$@"); do
    "$DOCKER" image inspect "$image" >/dev/null 2>&1 || case $image in
      "$PROJECT":* | "$PROJECT"-* | "$COMPOSE_PROJECT_NAME"-*) ;;
      *)
        echo "fetching $image"
        engine pull --quiet "$image" >/dev/null 2>"$why" || case $(cat "$why") in
          *'daemon'* | *'no space left'*) explain "$why" ;;
          *) fail "the image $image cannot be fetched. Check the network and the proxy (HTTPS_PROXY), or 'docker login' to its registry." ;;
        esac
        ;;
    esac
  done
}

# built_before SERVICE PART...: whether a build failed only since a base image cannot be asked for, as without a network,
# and the images are here. Says so then.
built_before() {
  built=$1
  shift
  base=$(sed -n 's/.*failed to resolve source metadata for \([^ ]*\): .*/\1/p' "$why" | head -n 1)
  [ -n "$base" ] || return 1
  for image in $(compose config --images "$@"); do
    "$DOCKER" image inspect "$image" >/dev/null 2>&1 || return 1
  done
  note "$built runs as it was built last: the image $base cannot be fetched."
}

# A service that builds on an image of the project gets it first.
images() {
  for service in $chosen; do
    own=$(parts "$service")
    # Without a name Compose would build whatever there is.
    [ -n "$own" ] || continue
    if grep -q 'RELEASE_IMAGE' "services/$service/compose.yaml"; then
      "$DOCKER" image inspect "$RELEASE_IMAGE" >/dev/null 2>&1 || scripts/build.sh release
    fi
    if grep -qE 'service: workspace|\{IMAGE' "services/$service/compose.yaml"; then
      "$DOCKER" image inspect "$IMAGE" >/dev/null 2>&1 || scripts/build.sh dev
    fi
    if grep -q '^    build:' "services/$service/compose.yaml"; then
      echo "building $service"
      # shellcheck disable=SC2086 # one word for each
      compose build $own >"$why" 2>&1 || built_before "$service" $own || explain "$why"
    fi
  done
}

# Whether the parts, and what they wait for when they start, are up and healthy.
healthy() {
  # shellcheck disable=SC2046 # one word for each
  set -- "$@" $(for service in $chosen; do sed -n 's/^      \([a-z0-9-]*\): {condition: .*/\1/p' "services/$service/compose.yaml"; done)
  for part; do
    ids=$(compose ps --quiet --status running "$part")
    [ -n "$ids" ] || return 1
    for id in $ids; do
      case $("$DOCKER" inspect --format '{{if .State.Health}}{{.State.Health.Status}}{{end}}' "$id") in
        healthy | '') ;;
        *) return 1 ;;
      esac
    done
  done
}

# Ends the containers of service $1 if .env has another password now: they keep the one that they started with.
renew() {
  for name in $(secrets "services/$1/compose.yaml"); do
    # shellcheck disable=SC2046 # one word for each
    for id in $(compose ps --quiet $(parts "$1")); do
      has=$("$DOCKER" exec "$id" cat "/run/secrets/$name" 2>/dev/null) || continue
      [ "$has" = "$(cat ".local/secrets/$name")" ] || { engine stop "$id" && engine rm "$id"; } >/dev/null
    done
  done
}

# Removes the volumes of service $chosen, those of this clone of the project only.
remove_volumes() {
  volumes=$("$DOCKER" compose --file "services/$chosen/compose.yaml" config --volumes --no-consistency 2>"$why") || explain "$why"
  for volume in $volumes; do
    id=$("$DOCKER" volume ls --quiet --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" \
      --filter "label=com.docker.compose.volume=$volume")
    [ -z "$id" ] || engine volume rm "$id" >/dev/null 2>"$why" || explain "$why"
  done
  echo "stopped, and removed all that $chosen stored in volumes"
}

# The setting that publishes port $1.
port_setting() {
  cat services/*/compose*.yaml | sed -n 's/.*\${\([A-Z0-9_]*_PORT\)[:}].*/\1/p' | sort -u | while read -r name; do
    setting "$name" ''
    if eval "[ \"\$$name\" = $1 ]" || grep -q "{$name:-$1}" services/*/compose.yaml; then
      echo "$name"
      break
    fi
  done
}

# What faults.txt of service $1 says of the words in the file $why: "words | what is wrong. What to do." What was said last
# counts: a log has earlier starts too.
known_fault() {
  [ -f "services/$1/faults.txt" ] || return 0
  latest=0 known=''
  while IFS='|' read -r words line; do
    case $words in '#'* | '') continue ;; esac
    at=$(grep -n -e "${words% }" "$why" | tail -n 1 | cut -d : -f 1)
    if [ "${at:-0}" -gt "$latest" ]; then latest=$at known=${line# }; fi
  done <"services/$1/faults.txt"
  echo "$known"
}

# Says in one line why a start failed.
why_not() {
  port=$(sed -n -e 's/.*127\.0\.0\.1:\([0-9]*\).*already.*/\1/p' -e 's/.*not available.*127\.0\.0\.1:\([0-9]*\).*/\1/p' "$why" | head -n 1)
  if [ -n "$port" ]; then
    [ "${V:-}" != 1 ] || cat "$why" >&2
    name=$(port_setting "$port")
    # A container that could not get its port would stay as it is.
    compose rm --force "$@" >/dev/null 2>&1
    fail "port $port is in use. Use another: make up $name=$((port + 1)), or put $name=$((port + 1)) into .env."
  fi
  # Compose names the one that failed, but for a few faults; others may only have waited for it.
  named=$(sed -n -e 's/.*container \([^ ]*\) is unhealthy.*/\1/p' -e 's/.*container \([^ ]*\) exited.*/\1/p' "$why" | head -n 1)
  for id in $named $(compose ps --all --quiet "$@"); do
    state=$("$DOCKER" inspect --format '{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{end}} {{.State.OOMKilled}}' "$id") || continue
    case "$state $id" in exited* | restarting* | dead* | 'running unhealthy'* | *" $named") ;; *) continue ;; esac
    part=$("$DOCKER" inspect --format '{{index .Config.Labels "com.docker.compose.service"}}' "$id")
    {
      "$DOCKER" logs --tail 100 "$id" 2>&1
      "$DOCKER" inspect --format '{{if .State.Health}}{{range .State.Health.Log}}{{println .Output}}{{end}}{{end}}' "$id" | grep . | tail -n 1
    } >"$why" || true
    [ "${V:-}" != 1 ] || cat "$why" >&2
    service=$(grep -l "^  $part:" services/*/compose.yaml | head -n 1 | cut -d / -f 2)
    limit=$(sed -n 's/.*mem_limit: *\${\([A-Z_]*\).*/\1/p' "services/$service/compose.yaml" | head -n 1)
    case $state in *true) fail "$part was killed: memory ran out. Give it more with ${limit:-MEMORY}= in .env, or Docker more." ;; esac
    words=$(known_fault "$service")
    [ -z "$words" ] || fail "$words"
    fail "$part did not start: $(last_words). 'make logs SERVICE=$service' has more."
  done
  explain "$why"
}

action=$1
ready
why=.local/services.$$
trap 'rm -f "$why"' EXIT
known=$(services | paste -s -d ' ' -)
[ -n "$known" ] || fail "this project has no services. Add one: make add-service NAME=postgres."
chosen=${SERVICE:-$known}
case " $known " in *" $chosen "*) ;; *) fail "there is no service '$chosen'. Use SERVICE= with one of: $known." ;; esac
containers=$(for service in $chosen; do parts "$service"; done)
# shellcheck disable=SC2086 # one word for each
set -- $containers
if [ $# = 0 ] && [ "$action" != down ]; then
  [ "$action" != up ] || echo "nothing to start: $chosen works when a command asks for it"
  exit
fi

case $action in
  up | need)
    alone services
    for service in $chosen; do renew "$service"; done
    if [ "$action" = need ] && healthy "$@"; then exit; fi
    images
    fetch "$@"
    echo "starting $chosen"
    # Compose gives up on an unhealthy container at once, also where its fault has been mended since.
    mine=com.docker.compose.project=$COMPOSE_PROJECT_NAME
    for part; do
      for id in $("$DOCKER" ps --quiet --filter health=unhealthy --filter "label=$mine" --filter "label=com.docker.compose.service=$part"); do
        engine restart "$id" >/dev/null 2>&1 || true
      done
    done
    compose up --detach --wait "$@" 2>"$why" || why_not "$@"
    for part; do
      where=$(address "$part")
      # What has a port in any case has a page there.
      grep -q "^ .*published.*_PORT:-" "services/$part/compose.yaml" 2>/dev/null && [ -n "$where" ] && where=http://$where
      printf '  %-16s %s\n' "$part" "${where:-is up}"
    done
    ;;
  down)
    [ "${VOLUMES:-}" != 1 ] || [ -n "${SERVICE:-}" ] ||
      fail 'VOLUMES=1 removes all that a service stores. Name the service: make down SERVICE=postgres VOLUMES=1.'
    # Without a name Compose would stop the notebook too.
    [ $# = 0 ] || compose rm --force --stop --volumes "$@" >/dev/null 2>&1
    # The network goes with the last container.
    [ -n "$(compose ps --all --quiet)" ] || compose down >/dev/null 2>&1
    if [ "${VOLUMES:-}" = 1 ]; then
      remove_volumes
    else
      echo 'stopped; what they store stays in its volumes'
    fi
    ;;
  ps)
    compose ps --all --format 'table {{.Service}}\t{{.Status}}\t{{.Ports}}' "$@"
    ;;
  logs)
    compose logs --tail 100 ${FOLLOW:+--follow} "$@"
    ;;
esac
