# Jobs on Slurm, by deploy/slurm/train.sbatch and Apptainer. Slurm's commands run on this machine, or with SLURM_HOST on a login
# node, by ssh. The storage is SLURM_FOLDER there, on a disk that all nodes have: data/, images/, and jobs/<job>/ with image.sif,
# and log.<task> and status.<task> (the exit status) for each task of the job.
. docker/lib/apptainer.sh

load_cluster_settings() {
  cluster_settings='SLURM_HOST SLURM_FOLDER'
  setting SLURM_HOST ''
  setting SLURM_OPTIONS ''
  case $SLURM_HOST in
    -* | *[!A-Za-z0-9_.@:-]*) fail "SLURM_HOST='$SLURM_HOST' is not valid. Use a name that ssh knows, such as SLURM_HOST=login.example.org." ;;
    '')
      setting SLURM_FOLDER "$(pwd -P)/.local/slurm"
      data_is_there=1
      ;;
    *) setting SLURM_FOLDER "ds-docker/$COMPOSE_PROJECT_NAME" ;;
  esac
}

# on_login SCRIPT ARGUMENT...: run a shell script on the machine that has Slurm's commands.
on_login() {
  local script="$1"
  shift
  if [ -n "$SLURM_HOST" ]; then
    # Nobody is there to type a password when a job has run for hours.
    set -- ssh -o BatchMode=yes -o ConnectTimeout=15 -o ServerAliveInterval=15 "$SLURM_HOST" "$(quote_words sh -c "$script" sh "$@")"
  else
    set -- sh -c "$script" sh "$@"
  fi
  trace "$@"
  "$@"
}

# in_folder SCRIPT ARGUMENT...: run a shell script in the storage.
# shellcheck disable=SC2016 # for the shell there
in_folder() {
  local script="$1"
  shift
  on_login 'cd "$1" || exit 1; shift; '"$script" "$SLURM_FOLDER" "$@"
}

# shellcheck disable=SC2016 # for the shell there
in_storage() { in_folder 'exec "$@"' "$@"; }

# fail_from_slurm LOG: fail with what ssh or Slurm says.
fail_from_slurm() { general_faults=docker/on/slurm-faults.txt fail_from_log "$1"; }

require_cluster() {
  local log
  if [ -z "$SLURM_HOST" ]; then
    command -v sbatch >/dev/null 2>&1 ||
      fail 'sbatch is not installed or not in PATH. Use a login node of the cluster, or set SLURM_HOST to one that ssh reaches.'
    return
  fi
  command -v ssh >/dev/null 2>&1 || fail 'ssh is not installed or not in PATH. Install OpenSSH.'
  log=$(temporary_file access)
  on_login 'command -v sbatch || echo no sbatch' </dev/null >"$log" 2>&1 || fail_from_slurm "$log"
  ! grep -qx 'no sbatch' "$log" || fail "sbatch is not in PATH on $SLURM_HOST. Set SLURM_HOST to a login node of the cluster."
}

# open_storage JOB: make the folder if it is missing.
# shellcheck disable=SC2016 # for the shell there
open_storage() {
  local log
  log=$(temporary_file folder)
  on_login 'umask 077 && mkdir -p "$1/images"' "$SLURM_FOLDER" </dev/null >"$log" 2>&1 || fail_from_slurm "$log"
}
close_storage() { :; }

# send_image JOB: make the file for Apptainer and put it into the storage, unless it is there.
# shellcheck disable=SC2016 # for the shell there
send_image() {
  local sif
  sif=$(echo "$RELEASE_IMAGE" | tr /: --).sif
  open_storage "$1"
  if ! in_folder 'test -s "images/$1"' "$sif" </dev/null 2>/dev/null; then
    echo "making $sif from the release image"
    if apptainer_program >/dev/null; then send_sif "$sif"; else send_archive "$sif"; fi
    # Those of older images. A job has its own link to its image.
    in_folder 'cd images && find . -type f ! -name "$1" -exec rm -f {} +' "$sif" </dev/null
  fi
  in_folder 'mkdir -p "jobs/$1" && { ln -f "images/$2" "jobs/$1/image.sif" || cp "images/$2" "jobs/$1/image.sif"; }' "$1" "$sif" </dev/null
}

# send_sif NAME: make it here.
# shellcheck disable=SC2016 # for the shell there
send_sif() {
  local file
  file=$(temporary_file image.sif)
  make_sif "$RELEASE_IMAGE" "$file"
  in_folder 'cat >"images/$1.new" && mv "images/$1.new" "images/$1"' "$1" <"$file" ||
    fail "the image was not sent completely. Check the disk: the folder is $SLURM_FOLDER. Then run the command again."
  rm -f "$file"
}

# send_archive NAME: send the image as Docker writes it, and make the file there, since this machine has no Apptainer.
# shellcheck disable=SC2016 # for the shell there
send_archive() {
  local log
  log=$(temporary_file archive)
  on_login 'command -v apptainer || command -v singularity' </dev/null >/dev/null 2>&1 ||
    fail "Apptainer is not in PATH${SLURM_HOST:+, here or on $SLURM_HOST}. See https://apptainer.org/docs/admin/main/installation.html."
  save_images "$RELEASE_IMAGE" | gzip -1 | in_folder '
    cd images && new=$1.new.$$ && trap "rm -rf \"$PWD/$new\"" EXIT && mkdir "$new" && cd "$new" && gzip -d >image.tar &&
      export APPTAINER_CACHEDIR="$PWD" APPTAINER_TMPDIR="$PWD" SINGULARITY_CACHEDIR="$PWD" SINGULARITY_TMPDIR="$PWD" &&
      $(command -v apptainer || command -v singularity) build image.sif docker-archive:image.tar && mv image.sif "../$1"' "$1" >"$log" 2>&1 || fail_from_slurm "$log"
}

# sbatch_options: print the options for this command, one on each line.
sbatch_options() {
  printf '%s\n' --parsable --export=ALL
  [ "$NODES" = 1 ] || printf '%s\n' "--nodes=$NODES"
  [ "$TASKS" = 1 ] || printf '%s\n' "--array=0-$((TASKS - 1))"
  case $ACCELERATOR,$SLURM_OPTIONS in cpu,* | *gpu* | *gres*) ;; *) printf '%s\n' --gpus-per-node=1 ;; esac
}

# write_environment: print a script with the variables of the command.
write_environment() {
  [ -z "${TRACE_IMAGE:-}" ] || echo "export TRACE_IMAGE='$TRACE_IMAGE'"
  [ -z "${TRACE_COMMIT:-}" ] || echo "export TRACE_COMMIT='$TRACE_COMMIT'"
  [ -z "$pass_file" ] || cat "$pass_file"
}

# shellcheck disable=SC2016,SC2046,SC2086 # for the shell there; words of options
submit() {
  local job="$1" log number data=''
  shift
  log=$(temporary_file submit)
  [ -z "${data_is_there:-}" ] || data=$DATA_DIR
  in_folder 'cat >"jobs/$1/train.sbatch" && mkdir -p "jobs/$1/data"' "$job" <deploy/slurm/train.sbatch
  write_environment | in_folder 'umask 077 && cat >"jobs/$1/environment"' "$job"
  number=$(in_folder '
    export IMAGE="$PWD/jobs/$1/image.sif" DATA_DIR="${2:-$PWD/data}" STATUS_FILE=status && cd "jobs/$1" &&
      log=$([ "$3" = 1 ] && echo log.0 || echo log.%a) && shift 3 &&
      exec sbatch --chdir="$PWD" --output="$log" "$@"' "$job" "$data" "$TASKS" \
    --job-name="$COMPOSE_PROJECT_NAME-$job" $(sbatch_options) $SLURM_OPTIONS train.sbatch \
    sh -c '. ./environment && exec "$@"' sh "$@" </dev/null 2>"$log") || fail_from_slurm "$log"
  # With several clusters, the name of one follows.
  echo "${number%%;*}" >".local/jobs/$job/number"
  echo "$TASKS" >".local/jobs/$job/tasks"
  hand_over ".local/jobs/$job"/*
}

# ask_slurm JOB: print a line for each task, `number|state|reason|exit status`, as Slurm or the task itself says. Slurm forgets jobs,
# and not every cluster has accounting. Fails if there is no answer.
# shellcheck disable=SC2016 # for the shell there
ask_slurm() {
  in_folder '
    answer=$(squeue --noheader --array --states=all --jobs="$2" --format="%K|%T|%r" 2>&1) || case $answer in
      *"Invalid job id"*) answer=$(sacct --noheader --allocations --parsable2 --array --jobs="$2" --format=JobID,State 2>/dev/null |
        sed "s/^[0-9]*_//; s/ by [0-9]*//; s/+//; s/\$/|/") ;;
      *) exit 1 ;;
    esac
    [ -z "$answer" ] || printf "%s\n" "$answer" | sed "s/^[^|]*[^0-9|][^|]*|/0|/; s/\$/|/"
    cd "jobs/$1" && for task in status.*; do [ ! -f "$task" ] || echo "${task#status.}|||$(cat "$task")"; done
    ! grep -ql "oom-kill event" log.* || echo "0|OUT_OF_MEMORY||"' "$1" "$(cat ".local/jobs/$1/number")" </dev/null 2>/dev/null
}

cluster_state() {
  local answer
  answer=$(temporary_file answer)
  [ -s ".local/jobs/$1/number" ] || { echo lost && return; }
  ask_slurm "$1" >"$answer" || return 0
  awk -F '|' -v tasks="$(cat ".local/jobs/$1/tasks")" '
    $2 ~ /^(PENDING|REQUEUED|REQUEUE_HOLD|SPECIAL_EXIT|RESV_DEL_HOLD)/ { waits = $3; pending++; active[$1]; next }
    $2 ~ /^(RUNNING|COMPLETING|CONFIGURING|SUSPENDED|STAGE_OUT|SIGNALING|RESIZING|REQUEUE_FED|STOPPED)/ { running++; active[$1]; next }
    $2 != "" { if (state[$1] != "OUT_OF_MEMORY") state[$1] = $2; next }
    $4 != "" { status[$1] = $4 }
    END {
      for (i = 0; i < tasks; i++) {
        if (i in active) continue
        ended++
        if (state[i] == "" && i in status) state[i] = status[i] ? "FAILED" : "COMPLETED"
        if (state[i] == "COMPLETED") continue
        bad = bad (bad == "" ? "" : " ") i
        if (state[i] == "OUT_OF_MEMORY") memory = 1
        if (why == "" || why == "CANCELLED") { why = state[i] == "" ? "lost" : state[i]; code = status[i] ? status[i] : 1 }
      }
      of = tasks > 1 ? ", of " tasks " tasks: " bad : ""
      if (running) print "running" (tasks > 1 ? " " ended + 0 "/" tasks : "")
      else if (pending) print "waiting: " waits
      else if (memory) print "out of memory" of
      else if (why == "") print "done"
      else if (why == "lost") print "lost" of
      else if (why ~ /^CANCELLED/) print "cancelled"
      else if (why ~ /^TIMEOUT|^DEADLINE/) print "failed (" code "), since its time was up" of
      else if (why ~ /NODE_FAIL|BOOT_FAIL|PREEMPTED/) print "failed (" code "), since Slurm took its node away" of
      else print "failed (" code ")" of
    }' "$answer" >"$answer.state"
  # Reasons in words.
  known_fault "$answer.state" docker/on/slurm-reasons.txt || cat "$answer.state"
}

# print_log JOB [FOLLOW]: print the log of the first task. With FOLLOW, look for more every two seconds until the job ends, and ask Slurm
# itself less often, unless the task has ended. Without, bring the logs of all tasks to .local/jobs/<job>, if there are several.
# shellcheck disable=SC2016 # for the shell there
print_log() {
  local skip=0 chunk turn=0
  chunk=$(temporary_file chunk)
  while in_folder 'cd "jobs/$1" && if [ -f log.0 ]; then tail -c "+$2" log.0; fi' "$1" "$((skip + 1))" </dev/null >"$chunk" 2>/dev/null; do
    cat "$chunk"
    skip=$((skip + $(wc -c <"$chunk"))) turn=$((turn + 1))
    [ "${2:-}" ] || break
    if [ "$turn" -ge 10 ] || in_folder 'test -f "jobs/$1/status.0"' "$1" </dev/null 2>/dev/null; then
      case $(cluster_state "$1") in running*) turn=0 ;; *) return 0 ;; esac
    fi
    sleep 2
  done
  [ -z "${2:-}" ] && [ "$(cat ".local/jobs/$1/tasks")" != 1 ] || return 0
  in_folder 'cd "jobs/$1" && tar -cf - log.*' "$1" </dev/null 2>/dev/null | tar -xf - -C ".local/jobs/$1" 2>/dev/null || true
}

# shellcheck disable=SC2016 # for the shell there
cancel_job() {
  local log turn=0
  log=$(temporary_file cancel)
  on_login 'scancel "$1"' "$(cat ".local/jobs/$1/number")" </dev/null >"$log" 2>&1 || fail_from_slurm "$log"
  # A command has half a minute to end, or what the cluster's KillWait says.
  until case $(cluster_state "$1") in running* | waiting* | '') false ;; esac; do
    [ "$((turn += 1))" -lt 90 ] || fail "$1 does not end. Ask the cluster: squeue --jobs=$(cat ".local/jobs/$1/number")."
    sleep 2
  done
}

# shellcheck disable=SC2016 # for the shell there
forget_job() {
  [ ! -s ".local/jobs/$1/number" ] || on_login 'scancel "$1"' "$(cat ".local/jobs/$1/number")" </dev/null >/dev/null 2>&1 || true
  in_folder 'rm -rf "jobs/$1"' "$1" </dev/null 2>/dev/null || true
}
