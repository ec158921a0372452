#!/bin/sh
# run.sh COMMAND [ARGUMENT...]   runs it in a fresh container with the project and its data
# run.sh --with PREFIX COMMAND   with the variables that begin so, as they were given to make
# run.sh --command               runs the line in the variable CMD, by bash, on this standard input
# run.sh --shell                 the same, for what is typed or piped in
cd -- "$(dirname -- "$0")/.." || exit
. scripts/common.sh

handed=''
if [ "$1" = --with ]; then
  handed=$(env | sed -n "s/^\($2[A-Z_]*\)=.*/--env \1/p")
  shift 2
fi
case $1 in
  --command)
    [ -n "${CMD:-}" ] || fail "there is no command. Use make run CMD=\"python --version\"."
    set -- bash -c "$CMD"
    ;;
  --shell) set -- bash ;;
  # What a script that calls make has still to read is not for the container.
  *) [ -t 0 ] || exec </dev/null ;;
esac
ready
image_ready
if [ -t 0 ] && [ -t 1 ]; then terminal=; else terminal=--no-TTY; fi
# Compose can end on a signal while its container goes on.
container=$COMPOSE_PROJECT_NAME-task-run-$$-$(date +%s)
trap '"$DOCKER" rm --force "$container" >/dev/null 2>&1; exit 130' HUP INT TERM
status=0
# shellcheck disable=SC2086 # without a value they must vanish
compose run --rm --name "$container" $terminal $handed task "$@" || status=$?
[ "$status" != 137 ] ||
  note "the command was killed, mostly because memory ran out. Give it less data, or Docker more memory."
exit "$status"
