#!/bin/sh
# password.sh SERVICE   gives it the password that is in .env, also where nobody knows the old one
# Meanwhile the service is stopped: its password.sh runs in a container of the same kind, which has its volume.
cd -- "$(dirname -- "$0")/.." || exit
. scripts/common.sh

service=$1
can password "$service"
ready
why=.local/password.$$
trap 'rm -f "$why"' EXIT
compose rm --force --stop "$containers" >/dev/null 2>"$why" || explain "$why"
compose run --rm --no-TTY "$containers" sh -c "$(part 1)" </dev/null >"$why" 2>&1 ||
  fail "$service has kept its password: $(last_words). See: make up SERVICE=$service."
echo "$service has the password of .env; next: make up"
