# Sources the library. Commands and services' scripts do this in the project's folder, from which make starts them.
set -eu
for topic in output files settings engine identity faults network project; do . "docker/lib/$topic.sh"; done
[ -n "${PROJECT:-}" ] || fail "make sets what this command needs. 'make' lists the commands."
[ ! -f docker/services/lib.sh ] || . docker/services/lib.sh
trap clean_up EXIT
# Not every shell runs the trap for EXIT when a signal ends it.
trap 'exit 130' HUP INT PIPE TERM
