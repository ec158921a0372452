#!/bin/sh
# run.sh COMMAND [ARGUMENT...]   runs it in a fresh container with the project and its data
# run.sh --command               runs the line in the variable CMD, by bash
cd -- "$(dirname -- "$0")/.." || exit
. scripts/common.sh

if [ "$1" = --command ]; then
  [ -n "${CMD:-}" ] || fail "there is no command. Use make run CMD=\"python --version\"."
  set -- bash -c "$CMD"
fi
ready
image_ready
if [ -t 0 ] && [ -t 1 ]; then terminal=; else terminal=--no-TTY; fi
status=0
# shellcheck disable=SC2086 # without a value it must vanish
compose run --rm $terminal task "$@" || status=$?
[ "$status" != 137 ] ||
  note "the command was killed, mostly because memory ran out. Give it less data, or Docker more memory."
exit "$status"
