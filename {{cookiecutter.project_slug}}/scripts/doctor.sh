#!/bin/sh
# Everything that can be wrong with this machine, each with its fix. Exit status 1 where something is.
cd -- "$(dirname -- "$0")/.." || exit
. scripts/common.sh

wrong=0
good() { printf '  ok     %s\n' "$*"; }
hint() { printf '  note   %s\n' "$*"; }

# attempt COMMAND...: runs it in a subshell and turns its one-line error into a line of this report.
attempt() {
  if problem=$("$@" 2>&1 >/dev/null); then return 0; fi
  printf '%s\n' "$problem" >&2
  wrong=1
  return 1
}

finish() {
  [ "$wrong" = 0 ] || exit 1
  echo 'Nothing is wrong.'
  exit
}

attempt settings || finish
settings
attempt engine_ready || finish
engine_ready
good "$DOCKER $engine_version, Compose $compose_version"

if attempt buildx_ready; then good 'Buildx'; fi
if attempt disk_ready; then good 'disk space'; fi
identity
case $engine_security in *rootless*) good 'rootless engine: its root is you' ;; esac

host=${DOCKER_HOST:-$("$DOCKER" context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null || true)}
case $host in
  ssh:* | tcp:*) hint "the engine is at $host: it can only mount folders of the machine that it runs on" ;;
esac

if attempt local_files; then good "this folder is writable, as $user ($HOST_UID:$HOST_GID)"; fi
if attempt data_folder; then
  data_folder
  if [ -w "$DATA_DIR" ]; then good "data in $DATA_DIR"; else hint "data in $DATA_DIR, which you can only read"; fi
fi
foreign=$(find . ! -user "$(id -u)" -print 2>/dev/null | head -n 1)
if [ -n "$foreign" ]; then
  hint "$foreign is not yours, and maybe more. To take all: sudo chown -R \"\$(id -u):\$(id -g)\" ."
fi
case $(uname -r)$PWD in
  *[Mm]icrosoft*/mnt/?/*) hint 'this folder is on a Windows drive, which is slow from here: move it below your home folder in WSL' ;;
esac
if [ "$(getenforce 2>/dev/null)" = Enforcing ]; then
  hint 'SELinux is enforcing: if the container may not read this folder, run: chcon -R -t container_file_t .'
fi

if ! "$DOCKER" image inspect "$IMAGE" >/dev/null 2>&1; then
  hint "$IMAGE is not built yet: make build"
  [ "$ACCELERATOR" = cpu ] || nvidia-smi >/dev/null 2>&1 ||
    hint 'nvidia-smi does not answer: ACCELERATOR=cuda needs a driver of NVIDIA on this machine'
else
  good "image $IMAGE"
  if [ "$ACCELERATOR" = cuda ] && attempt scripts/gpu.sh; then good "GPU: $GPUS"; fi
  if [ -n "$(compose ps --quiet --status running lab 2>/dev/null)" ]; then
    good 'the notebook is running: make notebook prints its address'
  elif "$DOCKER" run --rm --publish "127.0.0.1:$PORT:8888" "$IMAGE" true >/dev/null 2>&1; then
    good "port $PORT is free"
  else
    hint "port $PORT is in use: make notebook takes the next free one"
  fi
fi
[ -f uv.lock ] || hint 'there is no uv.lock yet: make build writes it, and it is to be committed'

finish
