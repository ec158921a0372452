# Jobs on a cluster: ON=kubernetes or ON=slurm. docker/on/<name>.sh has these functions for each kind:
#
#   load_cluster_settings   set and check the settings of this kind of cluster; set data_is_there if the cluster can read the
#                           data folder itself, and cluster_settings to the names of the settings that later commands for
#                           a job need as they were
#   require_cluster         fail unless this machine has what it takes, and the cluster answers
#   send_image JOB          give the cluster the release image
#   open_storage JOB        make the storage ready for in_storage; close_storage ends that
#   in_storage COMMAND...   run a command in the folder that all machines of the cluster can read: data/ for all jobs, and
#                           jobs/<job>/ with models/ and reports/ for each
#   submit JOB COMMAND...   start the command in the release image, with TRACE_IMAGE and TRACE_COMMIT if they are set, and with
#                           the variables in the shell script pass_file, if that is not empty
#   cluster_state JOB       print `running`, `waiting`, `done`, `failed (status)`, `out of memory`, `cancelled` or `lost`, perhaps with more
#                           words, such as `waiting: why`, or nothing if the cluster does not answer
#   log_source JOB          print what writes the log now: another pod begins a new one; need not be there
#   print_log JOB [FOLLOW]  print that log as it is, or until the job ends
#   cancel_job JOB          end a job, and wait until it has ended
#   forget_job JOB          remove all that the cluster has of a job, except for its storage; there may be nothing
#
# What this clone knows of a job is in .local/jobs/<job>/: on, settings, command, started, log, state once it has ended, and what
# the kind of cluster needs.

# By default, one log for each job.
log_source() { echo "$1"; }

. docker/lib/pass.sh

# load_size: set, check and export NODES and TASKS, the sizes of this command's job.
load_size() {
  local name value
  for name in NODES TASKS; do
    eval "value=\${$name:-1}"
    case $value in 0* | *[!0-9]* | ??????*) fail "$name='$value' is not valid. Use a number, such as $name=4." ;; esac
    export "$name=$value"
  done
  [ "$NODES" = 1 ] || [ "$TASKS" = 1 ] || fail 'NODES and TASKS cannot be used together. Use NODES for one program on several nodes.'
}

# load_cluster: check ON, NODES and TASKS, and read the functions for this kind of cluster.
load_cluster() {
  load_size
  case $ON in
    *[!a-z]*) ;;
    *) [ ! -f "docker/on/$ON.sh" ] || { . "docker/on/$ON.sh" && load_cluster_settings && return; } ;;
  esac
  fail "ON='$ON' is not valid. Use ON= with one of: $(find docker/on -name '*.sh' | sed 's|.*/||; s|\.sh$||' | sort | paste -s -d ' ' -)."
}

# cluster_jobs: list the jobs of this clone that were sent to a cluster, the newest first.
cluster_jobs() { ls -t .local/jobs 2>/dev/null || true; }

# load_cluster_job JOB: read the functions for the cluster of a job. Fails if no such job was sent to a cluster.
load_cluster_job() {
  case ${1:-} in '' | */* | .*) return 1 ;; esac
  [ -f ".local/jobs/$1/on" ] || return 1
  ON=$(cat ".local/jobs/$1/on")
  # shellcheck disable=SC1090 # what new_cluster_job has written
  . ".local/jobs/$1/settings"
  load_cluster
}

# ended_state JOB: print how a job ended, or fail if that is not known yet.
ended_state() { cat ".local/jobs/$1/state" 2>/dev/null; }

# write_settings: print the settings of the cluster as a script.
write_settings() {
  local name value
  for name in $cluster_settings; do
    eval "value=\$$name"
    echo "export $name=$(quote_words "$value")"
  done
}

# new_cluster_job TARGET COMMAND...: set job to a name that no job of this clone has, and make its folder.
new_cluster_job() {
  lock jobs
  job=$(next_job "$1")
  mkdir -p ".local/jobs/$job"
  unlock jobs
  shift
  write_settings >".local/jobs/$job/settings"
  echo "$ON" >".local/jobs/$job/on"
  date '+%Y-%m-%d %H:%M' >".local/jobs/$job/started"
  printf '%s\n' "$(printf %s "$*" | tr '[:cntrl:]' ' ')" | sed 's/^bash -c //' >".local/jobs/$job/command"
  hand_over .local/jobs ".local/jobs/$job" ".local/jobs/$job"/*
}

# load_cluster_pass: write the variables in PASS to a script, and set pass_file to its path, or to nothing. Files stay here.
load_cluster_pass() {
  local _item
  pass_file=''
  setting PASS ''
  for _item in $(echo "$PASS" | tr , ' '); do
    case $_item in
      [0-9]* | *[!A-Za-z0-9_]*) fail "PASS cannot bring '$_item' to a cluster. Use names of variables, such as PASS=HF_TOKEN." ;;
    esac
    pass_file=$(temporary_file pass)
    (umask 077 && pass_variable "$_item")
  done
}

# run_job TARGET COMMAND...: run a command on the cluster, print its log, bring its results back, and return its status.
run_job() {
  local job
  new_cluster_job "$@"
  shift
  # Whatever fails from here on, nothing of the job stays.
  trap 'give_up' EXIT
  send_image "$job"
  open_storage "$job"
  send_files "$job"
  close_storage
  submit "$job" "$@"
  trap clean_up EXIT
  echo "$job was sent to $ON"
  if [ "${DETACH:-}" = 1 ]; then
    echo "next: make logs JOB=$job FOLLOW=1, make jobs, or make cancel JOB=$job"
  else
    follow_job "$job"
  fi
}

# give_up: remove what is there of a job that was not submitted.
give_up() {
  (forget_job "$job") >/dev/null 2>&1 || true
  rm -rf ".local/jobs/$job"
  clean_up
}

# ask_storage COMMAND...: print what a command in the storage prints. Its last line tells whether all of it arrived: a connection may
# lose some without an error (https://github.com/kubernetes/kubernetes/issues/124571).
ask_storage() {
  local answer attempt
  for attempt in 1 2 3; do
    # shellcheck disable=SC2016 # for the shell there
    answer=$(in_storage sh -euc '"$@"; echo end' sh "$@" </dev/null) || return 1
    case $answer in *end) printf '%s' "${answer%end}" && return ;; esac
  done
  return 1
}

# sum_of FILE: print a file's checksum.
sum_of() {
  local program
  program=$(sha256)
  $program <"$1" | cut -d ' ' -f 1
}

# send_files JOB: make the job's folder in the storage, with the models, and send the data that is not there yet.
send_files() {
  # Programs find the folders that are empty, too.
  in_storage mkdir -p data/raw data/interim data/processed data/external \
    "jobs/$1/models" "jobs/$1/reports" "jobs/$1/data/processed" </dev/null
  if [ -z "${data_is_there:-}" ]; then
    (list_files "$DATA_DIR" && send_folder "$DATA_DIR" data) || fail_unsent
  fi
  (list_files models && send_folder models "jobs/$1/models") || fail_unsent
  # What a job has written is newer than this file.
  in_storage touch "jobs/$1/.sent" </dev/null
}
fail_unsent() { fail 'the files were not sent completely. Run the command again.'; }

# list_files FOLDER: write a line for each file in a folder to the temporary file `files`: its checksum, two characters, and its name.
# shellcheck disable=SC2014,SC2046 # a command and its options
list_files() {
  local files
  files=$(temporary_file files)
  (cd "$1" && find -L . -type f ! -name .gitkeep -exec $(sha256) {} +) >"$files.new" && LC_ALL=C sort -k 2 "$files.new" >"$files"
}

# send_folder FOLDER TARGET: make a folder in the storage the same as the one that list_files has listed: send the files that are new or
# differ, and remove those that are gone. The file .files there lists those that are.
send_folder() {
  local files new
  files=$(temporary_file files) new=$(temporary_file new)
  # shellcheck disable=SC2016 # for the shell there
  ask_storage sh -c 'cat "$1/.files" 2>/dev/null || true' sh "$2" >"$files.there" || return 1
  ! cmp -s "$files" "$files.there" || return 0
  awk 'FILENAME == ARGV[1] { there[$0] = 1; next } !($0 in there) { sub(/^[^ ]* ./, ""); print }' "$files.there" "$files" >"$new"
  [ "$2" != data ] || [ ! -s "$new" ] || echo "sending $(wc -l <"$new" | tr -d ' ') files of data"
  tar -chf - -C "$1" -T "$new" | in_storage tar -xf - -C "$2" || return 1
  # shellcheck disable=SC2016 # for the shell there
  in_storage sh -c 'cat >"$1/.files.new"' sh "$2" <"$files" || return 1
  # All of the list has to be there, and each new file as it is here.
  # shellcheck disable=SC2016 # for the shell there
  ask_storage sh -euc '
    cd "$1" && touch .files && [ "$(sha256sum <.files.new)" = "$2  -" ]
    awk '\''{ name = $0; sub(/^[^ ]* ./, "", name) } FILENAME == ARGV[1] { now[name] = 1; next } !(name in now) { print name }'\'' .files.new .files |
      while IFS= read -r name; do rm -f "$name"; done
    awk '\''FILENAME == ARGV[1] { there[$0] = 1; next } !($0 in there)'\'' .files .files.new >.files.check
    [ ! -s .files.check ] || sha256sum --check --quiet .files.check
    rm .files.check && mv .files.new .files' sh "$2" "$(sum_of "$files")" >/dev/null
}

# fetch_files JOB: bring back what the job wrote to models/, reports/ and data/processed/. Then remove its folder in the storage.
fetch_files() {
  local status=0
  open_storage "$1"
  { receive_files "$1" && { in_storage rm -rf "jobs/$1" </dev/null || true; }; } || status=1
  close_storage
  return "$status"
}

# receive_files JOB: copy what is new in a job's folder in the storage to the project, each file in one step.
receive_files() {
  local folder=".local/jobs/$1/fetched" sum attempt=0 file target
  rm -rf "$folder" && mkdir -p "$folder" || return 1
  # shellcheck disable=SC2016 # for the shell there
  sum=$(ask_storage sh -euc '
    find "$1/models" "$1/reports" "$1/data/processed" data/processed -type f ! -name .files -newer "$1/.sent" 2>/dev/null | tar -cf "$1/.results" -T -
    sha256sum <"$1/.results"' sh "jobs/$1") || return 1
  until in_storage cat "jobs/$1/.results" </dev/null >"$folder.tar" && [ "$(sum_of "$folder.tar")" = "${sum%% *}" ]; do
    [ "$((attempt += 1))" -lt 3 ] || return 1
  done
  tar -xf "$folder.tar" -C "$folder" || return 1
  (cd "$folder" && find . -type f | sed 's|^\./||') | while IFS= read -r file; do
    target=${file#jobs/*/}
    case $target in data/*) target=$DATA_DIR/${target#data/} ;; esac
    { mkdir -p "$(dirname "$target")" && mv -f "$folder/$file" "$target" && hand_over "$target"; } || exit 1
  done || return 1
  rm -rf "$folder" "$folder.tar"
}

# ask_on_interrupt JOB: after Ctrl-C, ask whether the job goes on. Without a terminal, it does.
ask_on_interrupt() {
  local answer=''
  trap 'exit 130' INT
  if [ -t 0 ] && [ -t 2 ]; then
    printf '\n%s is still running. Cancel it? [y/N] ' "$1" >&2
    read -r answer || true
  fi
  case $answer in
    [yY]*) end_by_hand "$1" ;;
    *) echo "$1 goes on. Next: make logs JOB=$1 FOLLOW=1, or make cancel JOB=$1" ;;
  esac
  exit 130
}

# follow_job JOB: print the log of a job, and why it waits, until it ends. Then bring back its results, and return its status.
follow_job() {
  local job="$1" state told='' silent=0
  # shellcheck disable=SC2064 # the name as it is now
  trap "ask_on_interrupt '$job'" INT
  while :; do
    state=$(cluster_state "$job")
    silent=$((silent + 1))
    [ -z "$state" ] || silent=0
    case $state in
      '') [ "$silent" -lt 5 ] || fail "the cluster does not answer. $job goes on. Follow it again: make logs JOB=$job FOLLOW=1." ;;
      waiting) ;;
      waiting*) [ "$state" = "$told" ] || { note "$job: $state." && told=$state; } ;;
      running) keep_log "$job" follow ;;
      running*) [ "$state" = "$told" ] || { note "$job: $state." && told=$state; } && keep_log "$job" ;;
      *) break ;;
    esac
    sleep 2
  done
  trap 'exit 130' INT
  keep_log "$job"
  end_job "$job" "$state"
}

# skip_lines NUMBER: read as many lines of standard input. Unlike tail and awk, this leaves the rest where it is, and waits for nothing.
skip_lines() {
  local number="$1"
  while [ "$number" -gt 0 ] && read -r _; do number=$((number - 1)); done
}

# keep_log JOB [follow]: print what the log has beyond that which was printed before, and keep all of it. The file log.from has a
# line for what wrote the log: its name, and the number of lines that were there before.
keep_log() {
  local log=".local/jobs/$1/log" source before
  source=$(log_source "$1")
  [ -n "$source" ] || return 0
  [ -f "$log" ] || : >"$log"
  before=$(sed -n "s/^$source //p" "$log.from" 2>/dev/null || true)
  [ -n "$before" ] || { before=$(wc -l <"$log" | tr -d ' ') && echo "$source $before" >>"$log.from"; }
  print_log "$@" 2>/dev/null | { skip_lines $(($(wc -l <"$log") - before)) && tee -a "$log"; } || true
  hand_over "$log" "$log.from"
}

# end_job JOB STATE: bring the results back, remember how the job ended, remove it from the cluster, and return its status.
end_job() {
  fetch_files "$1" || fail "the results of $1 are still on the cluster. Get them: make logs JOB=$1."
  echo "$2" >".local/jobs/$1/state"
  hand_over ".local/jobs/$1/state"
  forget_job "$1"
  case $2 in
    'done') echo "the results of $1 are in models/ and reports/" ;;
    cancelled) note "$1 was cancelled" && return 130 ;;
    'out of memory'*) note "$1 ran $2. Use less data, or raise its memory in deploy/$ON." && return 137 ;;
    failed*) note "$1: ${2%.}." && return "$(echo "$2" | sed 's/^failed (\([0-9]*\)).*/\1/' | grep -x '[0-9]*' || echo 1)" ;;
    *) fail "$1 is no longer on the cluster: somebody has removed it. What it had written is in models/ and reports/." ;;
  esac
}

# end_by_hand JOB: cancel a job, and bring back what it has written until then.
end_by_hand() {
  cancel_job "$1"
  keep_log "$1"
  end_job "$1" cancelled || [ $? = 130 ]
}
