# What a command prints: errors and notes of one line, and with V=1 what it asks Docker to do.

# The terminal's standard error, for traces of commands whose own output is captured.
exec 4>&2

# fail MESSAGE: end with an error: what is wrong, and what to do about it.
fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

note() { printf 'note: %s\n' "$*" >&2; }

# trace COMMAND...: if V=1, print a command, quoted so that it can be pasted into a shell.
trace() {
  local word
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

# trace_file FILE: if V=1, print a log that is otherwise kept from view.
trace_file() { [ "${V:-}" != 1 ] || cat "$1" >&2; }
