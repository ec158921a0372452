# Errors in one line. A file of faults has a line for each: `regex | message`, where \1 in the message is the first group
# of the extended regular expression. The last line of a log that matches one counts: it may contain earlier starts.

# known_fault LOG FILE...: print the message for a known fault in a log, or fail if there is none.
known_fault() {
  local log="$1" tab
  shift
  tab=$(printf '\t')
  # The parentheses are for alternatives, and make \1 the second group. With `t`, the first fault that matches a line counts.
  cat "$@" 2>/dev/null | sed -e '/^#/d' -e '/ | /!d' -e 's/&/\\&/g' -e 's/\\1/\\2/g' \
    -e "s/^\(.*[^ ]\) *| /s$tab.*(\1).*$tab/" -e "s/\$/${tab}p;t/" |
    # Programs may print bytes that are not text in the user's locale.
    LC_ALL=C sed -nE -f /dev/stdin "$log" | tail -n 1 | grep .
}

# last_line LOG: print the last line of a log, without a full stop.
last_line() { grep . "$1" | tail -n 1 | cut -c 1-200 | sed 's/[.[:space:]]*$//'; }

# fail_from_log LOG [MESSAGE]: fail with the message for a known fault in a log, or else with MESSAGE or its last error.
general_faults=docker/lib/faults.txt
fail_from_log() {
  local error
  trace_file "$1"
  if error=$(known_fault "$1" "$general_faults"); then fail "$error"; fi
  error=$(grep -i 'error' "$1" | tail -n 1 | sed 's/^[^A-Za-z]*\(E[Rr][Rr][Oo][Rr]: \)*//; s/^building at STEP .*": //' | cut -c 1-200)
  error=${2:-${error:-$(last_line "$1")}}
  fail "${error:-Docker failed}. Rerun with V=1 to see the full output."
}
