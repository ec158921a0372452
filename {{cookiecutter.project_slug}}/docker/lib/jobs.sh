# Jobs: commands in the background. The container of a job, which has the label `job`, stays when its command ends.

# list_jobs FORMAT [JOB]: print a line for each job of this clone, the newest first, in a format of `docker ps`.
list_jobs() {
  "$DOCKER" ps --all --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" --filter "label=job${2:+=$2}" --format "$1"
}

# job_container TARGET: print the ID of the container of the job in the variable JOB, which is for a target of make.
job_container() {
  [ -n "${JOB:-}" ] || fail "no job is given. Use make $1 JOB=name; 'make jobs' lists them."
  list_jobs '{{.ID}}' "$JOB" | grep . || fail "there is no job '$JOB'. 'make jobs' lists them."
}

# job_state ID JOB: print whether the job runs, or how it ended.
job_state() {
  local state
  state=$("$DOCKER" inspect --format '{{if .State.Running}}running{{else if .State.OOMKilled}}out of memory{{else}}{{.State.ExitCode}}{{end}}' "$1")
  case $state in
    running | 'out of memory') echo "$state" ;;
    *) if grep -qsx "$2" .local/stopped-jobs; then echo stopped; elif [ "$state" = 0 ]; then echo 'done'; else echo "failed ($state)"; fi ;;
  esac
}

# forget_jobs NUMBER: remove the jobs that have ended, except for the newest ones: fewer than NUMBER.
forget_jobs() {
  local ids
  ids=$(list_jobs '{{.State}} {{.ID}}' | sed -n '/^running/d; s/.* //p' | tail -n "+$1")
  # shellcheck disable=SC2086 # one word for each container
  [ -z "$ids" ] || engine rm $ids >/dev/null
}

# next_job TARGET: print a name for a job of a target of make, with a number that no job of this clone has.
next_job() { echo "$1-$(($({ list_jobs '{{.Label "job"}}' && ls .local/jobs 2>/dev/null; } | sed 's/.*-//' | sort -n | tail -n 1) + 1))"; }

# start_job TARGET COMMAND...: run a command of a target of make in the background, and print how to follow it.
start_job() {
  local job log command
  log=$(temporary_file job)
  lock jobs
  job=$(next_job "$1")
  shift
  forget_jobs 20
  command=$(printf %s "$*" | tr '[:cntrl:]' ' ')
  compose run --detach --no-TTY --interactive=false --name "$COMPOSE_PROJECT_NAME-job-$job" --label "job=$job" \
    --label "command=${command#bash -c }" task "$@" >/dev/null 2>"$log" || {
    "$DOCKER" rm --force "$COMPOSE_PROJECT_NAME-job-$job" >/dev/null 2>&1
    fail_from_log "$log"
  }
  # It has yet to read the file with the variables in PASS, which is removed when this command ends.
  while [ -e ".local/tmp.$$/pass" ] && [ "$(list_jobs '{{.State}}' "$job")" = running ]; do sleep 1; done
  echo "$job runs in the background"
  echo "next: make logs JOB=$job FOLLOW=1, make jobs, or make cancel JOB=$job"
}
