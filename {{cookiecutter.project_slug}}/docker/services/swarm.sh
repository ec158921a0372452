# The services in a stack of Docker Swarm: where, and what has become of them.

# load_stack: set STACK, the name of the stack, and node, the ID of this machine in the swarm. Fail unless it can change
# the swarm.
load_stack() {
  local state manager
  ! is_podman || fail 'Podman has no Swarm. Use Docker: DOCKER=docker.'
  # The name of the clone is that of its network. With the name of a service, this may have 63 characters.
  setting STACK "$(printf %.25s "$PROJECT")-${COMPOSE_PROJECT_NAME##*-}-stack"
  printf '%s\n' "$STACK" | grep -Eqx '[a-z0-9][a-z0-9_-]{0,39}' ||
    fail "STACK='$STACK' is not valid. Use up to 40 lower-case letters, digits and hyphens, such as STACK=$PROJECT."
  IFS='|' read -r state manager node <<END
$("$DOCKER" info --format '{{.Swarm.LocalNodeState}}|{{.Swarm.ControlAvailable}}|{{.Swarm.NodeID}}')
END
  case $state,$manager in
    active,true) ;;
    active,*) fail 'this machine is a worker of its swarm. Run the command on a manager.' ;;
    locked,*) fail 'the swarm is locked. Run: docker swarm unlock.' ;;
    *) fail 'this machine is in no swarm. Create one: docker swarm init.' ;;
  esac
}

# in_stack: print the option that selects what belongs to the stack.
in_stack() { echo "--filter=label=com.docker.stack.namespace=$STACK"; }

# tasks SERVICE: print a line for each container of a service that is to run or has run, the newest first: its ID, its
# label `stack`, its state, and whether it is to run. The state is `stuck` if Swarm finds no place for it.
tasks() {
  local ids
  ids=$("$DOCKER" service ps --quiet --no-trunc "$1" 2>/dev/null) || return 0
  # shellcheck disable=SC2086 # one word for each
  [ -z "$ids" ] || "$DOCKER" inspect --type task --format '{{.CreatedAt}} {{.ID}} {{index .Spec.ContainerSpec.Labels "stack"}} {{if and (eq .Status.State "pending") .Status.Err}}stuck{{else}}{{.Status.State}}{{end}} {{.DesiredState}}' $ids 2>/dev/null |
    sort -r | sed 's/.* \([^ ]* [^ ]* [^ ]* [^ ]*\)$/\1/'
}

# load_old_tasks: set old_tasks to what has run in the stack until now.
load_old_tasks() { old_tasks=$("$DOCKER" stack ps --quiet --no-trunc "$STACK" 2>/dev/null | tr '\n' ' ') || old_tasks=''; }

# service_state SERVICE: print `done` once Swarm has done what was asked for, `undone` if it has gone back to what was
# there before, or `failing` if containers end or cannot start, since load_old_tasks. Print nothing while it works.
service_state() {
  local update wanted label
  read -r update wanted label <<END
$("$DOCKER" service inspect --format '{{if .UpdateStatus}}{{.UpdateStatus.State}}{{else}}none{{end}} {{.Spec.Mode.Replicated.Replicas}} {{.Spec.TaskTemplate.ContainerSpec.Labels.stack}}' "$1")
END
  case $update in
    rollback_completed | rollback_paused | paused) echo undone && return ;;
    updating | rollback_started) return ;;
  esac
  tasks "$1" | awk -v wanted="$wanted" -v label="$label" -v old="$old_tasks" '
    $4 == "running" { all++ }
    $2 == label && $3 == "running" && $4 == "running" { ready++ }
    !index(old, $1) && $2 == label && $3 ~ /^(failed|rejected|complete|stuck)$/ { failed++ }
    END { if (all == wanted && ready == wanted) print "done"; else if (failed) print "failing" }'
}

# wait_for_stack SERVICE...: wait until Swarm has deployed services, which have the name of the stack before their own.
# A service may fail for as long as others start, for which it may wait, and a little longer.
wait_for_stack() {
  local seconds=0 failing waiting service hopeless=0
  while :; do
    failing='' waiting=''
    for service; do
      case $(service_state "$service") in
        'done') ;;
        undone) fail_stack "$service" "the update of ${service#"$STACK"_} failed, and the containers from before run again" ;;
        failing) failing=$service ;;
        *) waiting=$service ;;
      esac
    done
    [ -n "$waiting$failing" ] || return 0
    if [ -n "$waiting" ]; then hopeless=0; else hopeless=$((hopeless + 1)); fi
    [ "$hopeless" -lt 20 ] || fail_stack "$failing" "${failing#"$STACK"_} does not start"
    [ "$seconds" -lt "$START_TIMEOUT" ] || fail_stack "${waiting:=$failing}" "${waiting#"$STACK"_} is not healthy after $START_TIMEOUT seconds"
    sleep 1 && seconds=$((seconds + 1))
  done
}

# fail_stack SERVICE MESSAGE: fail with a message about a service, and with why its newest container that has failed did so.
fail_stack() {
  local log task why list
  log=$(temporary_file task-log) list=$(tasks "$1")
  task=$(printf '%s\n' "$list" | awk '$3 ~ /^(failed|rejected|complete|stuck)$/ { print $1; exit }')
  task=${task:-${list%% *}}
  "$DOCKER" service logs --raw --tail 50 "$task" >"$log" 2>&1 || : >"$log"
  trace_file "$log"
  if why=$(known_fault "$log" "services/$(service_of "${1#"$STACK"_}")/faults.txt" docker/lib/faults.txt); then fail "$2: $why"; fi
  why=$("$DOCKER" inspect --type task --format '{{.Status.Err}}' "$task" 2>/dev/null) || why=''
  [ ! -s "$log" ] || why=$(last_line "$log")
  fail "$2${why:+: $why}. 'docker service ps --no-trunc $1' shows more."
}
