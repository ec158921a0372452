#!/bin/sh
# services.sh up     starts the services, or the one in the variable SERVICE, and waits until they are healthy
# services.sh down   stops and removes their containers; what they store stays
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

# A service that builds on an image of the project gets it first.
images() {
  for service in $chosen; do
    if grep -q 'RELEASE_IMAGE' "services/$service/compose.yaml"; then
      "$DOCKER" image inspect "$RELEASE_IMAGE" >/dev/null 2>&1 || scripts/build.sh release
    fi
    if grep -qE 'service: workspace|\{IMAGE' "services/$service/compose.yaml"; then
      "$DOCKER" image inspect "$IMAGE" >/dev/null 2>&1 || scripts/build.sh dev
    fi
    if grep -q '^    build:' "services/$service/compose.yaml"; then
      echo "building $service"
      compose build $(parts "$service") >"$why" 2>&1 || explain "$why"
    fi
  done
}

# Says in one line why a start failed. What a service's faults.txt knows of comes first: "what its log says | the error".
why_not() {
  if port=$(sed -n 's/.*127\.0\.0\.1:\([0-9]*\).*\(already\|not available\).*/\1/p' "$why" | head -n 1) && [ -n "$port" ]; then
    [ "${V:-}" != 1 ] || cat "$why" >&2
    variable=$(cat services/*/compose*.yaml | sed -n 's/.*\${\([A-Z0-9_]*_PORT\)[:}].*/\1/p' | sort -u |
      while read -r name; do
        setting "$name" ''
        eval "[ \"\$$name\" = $port ]" && echo "$name" && break
        grep -q "{$name:-$port}" services/*/compose.yaml && echo "$name" && break
      done)
    compose rm --force --stop "$@" >/dev/null 2>&1
    fail "port $port is in use. Use another: make up $variable=$((port + 1)), or put $variable=$((port + 1)) into .env."
  fi
  for part; do
    for id in $(compose ps --all --quiet "$part"); do
      state=$("$DOCKER" inspect --format '{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{end}} {{.State.OOMKilled}}' "$id")
      case $state in 'running healthy'* | 'running  '* | created*) continue ;; esac
      {
        "$DOCKER" logs --tail 100 "$id" 2>&1
        "$DOCKER" inspect --format '{{if .State.Health}}{{range .State.Health.Log}}{{println .Output}}{{end}}{{end}}' "$id" | grep . | tail -n 1
      } >"$why.log" || true
      mv "$why.log" "$why"
      [ "${V:-}" != 1 ] || cat "$why" >&2
      case $state in *true) fail "$part was killed: memory ran out. Give it more with MEMORY= in .env, or Docker more." ;; esac
      service=$(grep -l "^  $part:" services/*/compose.yaml | head -n 1)
      service=${service%/compose.yaml} service=${service#services/}
      if [ -f "services/$service/faults.txt" ]; then
        while IFS='|' read -r words line; do
          case $words in '#'* | '') continue ;; esac
          if grep -q -- "${words% }" "$why"; then fail "${line# }"; fi
        done <"services/$service/faults.txt"
      fi
      last=$(grep . "$why" | tail -n 1 | cut -c 1-200 | sed 's/[.[:space:]]*$//')
      fail "$part did not start: $last. 'make logs SERVICE=$service' has more."
    done
  done
  explain "$why"
}

action=$1
ready
why=.local/services.$$
trap 'rm -f "$why"' EXIT
known=$(services)
[ -n "$known" ] || fail "this project has no services. Add one: make add-service NAME=postgres."
chosen=${SERVICE:-$known}
if [ -n "${SERVICE:-}" ] && ! printf '%s\n' "$known" | grep -Fqx -- "$SERVICE"; then
  fail "there is no service '$SERVICE'. Use SERVICE= with one of: $(echo $known)."
fi
parts=$(for service in $chosen; do parts "$service"; done)

case $action in
  up)
    if [ -z "$parts" ]; then
      echo "nothing to start: $(echo $chosen) works when a command asks for it"
      exit
    fi
    alone services
    images
    fetch $parts
    echo "starting $(echo $chosen)"
    compose up --detach --wait $parts 2>"$why" || why_not $parts
    for part in $parts; do
      where=$(address "$part")
      if grep -q "_PORT:-" "services/$part/compose.yaml" 2>/dev/null && [ -n "$where" ]; then where=http://$where; fi
      printf '  %-16s %s\n' "$part" "${where:-is up}"
    done
    ;;
  down)
    [ -z "$parts" ] || compose rm --force --stop --volumes $parts >/dev/null 2>&1
    # The network goes with the last container.
    [ -n "$(compose ps --all --quiet)" ] || compose down >/dev/null 2>&1
    echo 'stopped; what they store stays in its volumes'
    ;;
  ps)
    [ -z "$parts" ] || compose ps --all --format 'table {{.Service}}\t{{.Status}}\t{{.Ports}}' $parts
    ;;
  logs)
    [ -z "$parts" ] || compose logs --tail 100 ${FOLLOW:+--follow} $parts
    ;;
esac
