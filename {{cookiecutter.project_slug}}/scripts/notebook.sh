#!/bin/sh
# Starts JupyterLab, waits until it answers, and prints its address as the last line. Where it runs already, its
# address is printed and nothing else happens: kernels are never lost to a second `make notebook`.
cd -- "$(dirname -- "$0")/.." || exit
. scripts/common.sh

address() { # PORT
  echo "http://127.0.0.1:$1/lab?token=$(cat .local/jupyter_token)"
}

published_port() { compose port lab 8888 2>/dev/null | sed 's/.*://'; }

token() {
  [ -s .local/jupyter_token ] || random 24 >.local/jupyter_token.$$
  [ -s .local/jupyter_token ] || mv .local/jupyter_token.$$ .local/jupyter_token
  chmod 600 .local/jupyter_token
  hand_over .local/jupyter_token
}

ready
why=.local/notebook.$$
alone notebook
(umask 077 && token)

running=$(compose ps --quiet --status running lab)
if [ -n "$running" ]; then
  port=$(published_port)
  [ -z "$asked_port" ] || [ "$asked_port" = "$port" ] ||
    fail "the notebook already runs on port $port. Run 'make stop' first to move it to $asked_port."
  [ "$("$DOCKER" inspect --format '{{.Image}}' "$running")" = "$("$DOCKER" image inspect --format '{{.Id}}' "$IMAGE")" ] ||
    note "it runs an older image. 'make stop notebook' starts the new one."
  address "$port"
  exit
fi

image_ready
last=$((PORT + 100))
until compose up --detach --wait lab 2>"$why"; do
  if ! grep -qE 'address already in use|port is already allocated|Ports are not available' "$why"; then
    made=$(compose ps --quiet --all lab)
    if [ -n "$made" ]; then
      "$DOCKER" logs "$made" >>"$why" 2>&1
      compose rm --force --stop lab >/dev/null 2>&1
    fi
    explain "$why"
  fi
  compose rm --force --stop lab >/dev/null 2>&1
  [ -z "$asked_port" ] || fail "port $PORT is in use. Use another, as in PORT=$((PORT + 1)), or leave PORT out."
  PORT=$((PORT + 1))
  [ "$PORT" -le "$last" ] || fail "no port from 8888 to $last is free. Use PORT= with one that is."
done
[ -n "$asked_port" ] || [ "$PORT" = 8888 ] || note "port 8888 is in use, so this is $PORT"
address "$PORT"
