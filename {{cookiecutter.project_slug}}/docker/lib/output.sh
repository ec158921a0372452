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

# quote_words WORD...: print the words such that a shell reads them back as they are.
quote_words() {
  local word
  for word; do
    # The x keeps line breaks at the end.
    word=$(printf %sx "$word" | sed "s/'/'\\\\''/g")
    printf "'%s' " "${word%x}"
  done
}

# trace_file FILE: if V=1, print a log that is otherwise kept from view.
trace_file() { [ "${V:-}" != 1 ] || cat "$1" >&2; }

# print_steps LOG: print each step in the log of a build that was not cached, with its seconds, once it has ended. On a terminal,
# show below them what is running, and the seconds since the build began. Each line of input is a second; its end is the build's.
print_steps() {
  local log="$1" seconds=0 from to=0 more=1 show=''
  [ ! -t 1 ] || [ "${TERM:-dumb}" = dumb ] || show=1
  while [ "$more" ]; do
    read -r _ || more=''
    seconds=$((seconds + 1)) from=$to to=$(wc -l <"$log")
    awk -v from="$from" -v to="$to" -v seconds="$seconds" -v show="$show" -v more="$more" '
      BEGIN { if (show) printf "\r\033[K" }
      NR > to { exit }
      # With Podman, the line after the name of a step says whether it was cached.
      step { if (!/^--> Using cache/ && NR > from) print step; step = "" }
      /STEP [0-9]+\/[0-9]+: RUN / {
        step = $0; gsub(/--mount=[^ ]* *| +&& python -BI [^ ]*same_times.py/, "", step); gsub(/  +/, " ", step)
        step = "          " substr(step, 1, 100)
      }
      !/^#[1-9]/ { next }
      { text = substr($0, length($1) + 2); gsub(/@?sha256:[^ ]* */, "", text) }
      # The first line of a step is its name. BuildKit repeats it after lines of another step.
      !($1 in name) {
        gsub(/--mount=[^ ]* *| +&& python -BI [^ ]*same_times.py/, "", text); gsub(/  +/, " ", text)
        name[$1] = running[latest = $1] = text
      }
      $2 == "DONE" && $3 != "0.0s" && NR > from && name[$1] ~ /\/[0-9]+\] |exporting to / {
        printf "%8s  %s\n", $3, (length(name[$1]) > 100 ? substr(name[$1], 1, 99) "…" : name[$1])
      }
      $2 ~ /^(CACHED|CANCELED|DONE|ERROR)/ { delete running[$1] }
      ($1 in running) && name[$1] ~ /^\[/ && $2 !~ /^\[/ {
        sub(/^[0-9.]+ +/, "", text); gsub(/[[:cntrl:]]/, " ", text)
        running[latest = $1] = substr(name[$1], 1, index(name[$1], "]") + 1) text
      }
      END {
        if (!(latest in running)) for (latest in running) break
        # The terminal cuts the line off at its edge.
        if (show && more) printf "\033[?7l%7ds  %s\033[?7h", seconds, (latest in running ? running[latest] : "waiting for Docker")
      }' "$log"
  done
}

# follow_build LOG COMMAND...: run a build that writes BuildKit's plain progress, with its output in LOG, and print its steps.
follow_build() {
  local log="$1"
  shift
  {
    while sleep 1 >/dev/null 2>&1 4>&-; do echo; done &
    "$@" >"$log" 2>&1 || echo "exit status $?" >>"$log"
    kill $!
  } 2>/dev/null | print_steps "$log"
  hand_over "$log"
  ! grep -q '^exit status ' "$log"
}
