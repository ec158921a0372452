# Jobs on Kubernetes, from the files in deploy/kubernetes. docker/lib/cluster.sh says what each function is for.

# KUBE_CONTEXT and KUBE_NAMESPACE are for a cluster other than the one that kubectl uses by itself, which can change while a job runs.
load_cluster_settings() {
  cluster_settings='KUBE_CONTEXT KUBE_NAMESPACE'
  setting KUBE_CONTEXT "$(kubectl config current-context 2>/dev/null || true)"
  setting KUBE_NAMESPACE "$(kubectl ${KUBE_CONTEXT:+"--context=$KUBE_CONTEXT"} config view --minify --output 'jsonpath={..namespace}' 2>/dev/null || true)"
  setting KUBE_DATA claim
  setting QUEUE ''
  setting REPOSITORY ''
  load_start_timeout
  case $KUBE_DATA in claim | source) ;; *) fail "KUBE_DATA='$KUBE_DATA' is not valid. Use KUBE_DATA=claim or KUBE_DATA=source." ;; esac
  data_is_there=''
  [ "$KUBE_DATA" = claim ] || load_pulled_source
}

# load_pulled_source: read DATA_SOURCE, from which the job copies the data itself.
load_pulled_source() {
  . docker/data/source.sh
  load_source
  [ -n "$scheme" ] || fail 'with KUBE_DATA=source, DATA_SOURCE cannot be a folder of this machine. Use an address such as s3://bucket/folder, or KUBE_DATA=claim.'
  data_is_there=1
}

# cluster ARGUMENT...: run kubectl.
cluster() {
  set -- kubectl ${KUBE_CONTEXT:+"--context=$KUBE_CONTEXT"} ${KUBE_NAMESPACE:+"--namespace=$KUBE_NAMESPACE"} "$@"
  trace "$@"
  "$@"
}

# ask ARGUMENT...: run kubectl for an answer that is there at once.
ask() { cluster --request-timeout=30s "$@"; }

# ask_or_fail ARGUMENT...: the same, but fail with one line if kubectl fails.
ask_or_fail() {
  local log
  log=$(temporary_file kubernetes)
  ask "$@" 2>"$log" || fail_from_cluster "$log"
}

fail_from_cluster() { general_faults=docker/on/kubernetes-faults.txt fail_from_log "$1"; }

require_cluster() {
  local log
  command -v kubectl >/dev/null 2>&1 || fail 'kubectl is not installed or not in PATH. See https://kubernetes.io/docs/tasks/tools/.'
  log=$(temporary_file access)
  ask auth can-i create jobs.batch >"$log" 2>&1 || {
    [ "$(tail -n 1 "$log")" != no ] || fail 'you may not create jobs in this namespace. Ask its administrator, or set KUBE_NAMESPACE.'
    fail_from_cluster "$log"
  }
}

# send_image JOB: push the release image to REPOSITORY with the tag that it has here, and set image to its name there. Without
# REPOSITORY, the nodes must have the image already.
send_image() {
  local log
  image=$RELEASE_IMAGE
  [ -n "$REPOSITORY" ] || return 0
  image=$REPOSITORY:${RELEASE_IMAGE##*:}
  log=$(temporary_file push)
  engine tag "$RELEASE_IMAGE" "$image"
  echo "pushing $image"
  engine push --quiet "$image" >/dev/null 2>"$log" || {
    engine image rm "$image" >/dev/null 2>&1 || true
    sed "s|REGISTRY|${REPOSITORY%%/*}|g" docker/lib/registry-faults.txt >"$log.faults"
    general_faults=$log.faults fail_from_log "$log"
  }
  engine image rm "$image" >/dev/null
}

# object_name JOB: print the name of a job's objects. Some names that Kubernetes makes of it may have no more than 63 characters.
object_name() { printf '%.30s-%s-%s\n' "$PROJECT" "${COMPOSE_PROJECT_NAME##*-}" "$1"; }

# selector JOB: print the labels of a job's objects.
selector() { echo "clone=$COMPOSE_PROJECT_NAME,job=$1"; }

# json_list WORD...: print the words as a list in JSON.
json_list() {
  local word separator='['
  for word; do
    printf '%s"%s"' "$separator" "$(printf %s "$word" | awk '
      { gsub(/\\/, "&&"); gsub(/"/, "\\\\&"); gsub(/\t/, "\\\\t"); gsub(/\r/, "\\\\r"); printf "%s%s", (NR > 1 ? "\\n" : ""), $0 }')"
    separator=', '
  done
  echo ']'
}

# write_kustomization JOB FOLDER NAME: write .local/jobs/JOB/FOLDER/kustomization.yaml, which gives the objects in
# deploy/kubernetes/FOLDER their name, their labels and their image, and makes the changes in standard input.
write_kustomization() {
  mkdir -p ".local/jobs/$1/$2"
  {
    cat <<END
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [../../../../deploy/kubernetes/$2]
images:
  - {name: release, newName: "${image%:*}", newTag: "${image##*:}"}
  - {name: rclone/rclone, newName: "${REGISTRY_PREFIX:-}rclone/rclone"}
labels:
  - pairs: {clone: "$COMPOSE_PROJECT_NAME", job: "$1"}
    includeTemplates: true
END
    cat
    cat <<END
  - target: {name: job}
    options: {allowNameChange: true}
    patch: |
      - {op: replace, path: /metadata/name, value: "$3"}
END
  } >".local/jobs/$1/$2/kustomization.yaml"
}

# components: list the folders in deploy/kubernetes that a job needs besides its base.
components() {
  [ "$ACCELERATOR" = cpu ] || echo gpu
  [ -z "$QUEUE" ] || echo queue
  [ "$NODES" = 1 ] || echo nodes
  [ "$TASKS" = 1 ] || echo tasks
  [ "$KUBE_DATA" = claim ] || echo source
  [ -z "$pass_file" ] || echo pass
}

# describe_variables: print the variables of the command, a line for each.
describe_variables() {
  local name value
  for name in TRACE_IMAGE TRACE_COMMIT; do
    eval "value=\${$name:-}"
    [ -z "$value" ] || echo "- {name: $name, value: \"$value\"}"
  done
  [ "$NODES" = 1 ] || printf -- '- {name: %s, value: "%s"}\n' PET_NNODES "$NODES" PET_MASTER_ADDR "$1-0.$1"
}

# describe_job JOB COMMAND...: print what of a job is not in the files: components, and a change.
describe_job() {
  local job="$1" name count variables processed
  shift
  processed="{name: project, mountPath: /workspace/data/processed, subPath: \"jobs/$job/data/processed\"}"
  name=$(object_name "$job") count=$NODES variables=$(temporary_file variables)
  [ "$TASKS" = 1 ] || count=$TASKS
  # shellcheck disable=SC2016 # for the shell in the pod
  [ -z "$pass_file" ] || set -- sh -c '. /run/variables && exec "$@"' sh "$@"
  describe_variables "$name" >"$variables"
  echo "components: [$(components | sed 's|^|../../../../deploy/kubernetes/|' | paste -s -d , - | sed 's/,/, /g')]"
  cat <<END
patches:
  - patch: |
      apiVersion: batch/v1
      kind: Job
      metadata: {name: job}
      spec:
END
  [ "$count" = 1 ] || printf '        %s: %s\n' completions "$count" parallelism "$count"
  printf '        %s\n' 'template:' '  spec:'
  [ "$NODES" = 1 ] || echo "            subdomain: $name"
  [ ! -d "$secrets" ] || printf '            %s\n' 'volumes:' "  - {name: secrets, secret: {secretName: $name}}"
  [ "$KUBE_DATA" = claim ] ||
    printf '            %s\n' 'initContainers:' "  - {name: data, args: $(json_list "$(remote)" /workspace/data), volumeMounts: [$processed]}"
  cat <<END
            containers:
              - name: main
                command: $(json_list "$@")
                volumeMounts:
                  - {name: project, mountPath: /workspace, subPath: "jobs/$job"}
END
  [ "$KUBE_DATA" = claim ] || echo "                  - $processed"
  [ ! -s "$variables" ] || { echo '                env:' && sed 's/^/                  /' "$variables"; }
  [ -z "$QUEUE" ] || cat <<END
  - target: {kind: Job}
    patch: |
      - {op: replace, path: /metadata/labels/kueue.x-k8s.io~1queue-name, value: "$QUEUE"}
END
}

# open_storage JOB: start the pod that reads and writes the claim, which is made if it is missing.
open_storage() {
  local log
  # The one of an earlier command may still be ending.
  transfer=$(object_name "$1")-transfer-$$
  ask get persistentvolumeclaim "$PROJECT" >/dev/null 2>&1 || ask_or_fail create --kustomize deploy/kubernetes/claim >/dev/null
  [ -n "${image:-}" ] || image=$(cat ".local/jobs/$1/image")
  echo "$image" >".local/jobs/$1/image"
  echo 'patches:' | write_kustomization "$1" transfer "$transfer"
  ask_or_fail apply --kustomize ".local/jobs/$1/transfer" >/dev/null
  wait_for_transfer "$1"
}

close_storage() { ask delete pod "$transfer" --ignore-not-found --wait=false >/dev/null 2>&1 || true; }

# wait_for_transfer: wait until the pod runs, but no longer than START_TIMEOUT. If it cannot, fail with the reason.
wait_for_transfer() {
  local seconds=0 why=''
  until [ "$(ask get pod "$transfer" --output 'jsonpath={.status.phase}' 2>/dev/null)" = Running ]; do
    why=$(why_pod_waits "$transfer")
    case $why in 'the cluster cannot pull'*) seconds=$START_TIMEOUT ;; esac
    [ "$((seconds += 1))" -lt "$START_TIMEOUT" ] || { close_storage && fail "${why:-the pod that transfers data does not start}"; }
    sleep 1
  done
}

# kubectl prints messages of its own library, which mean nothing to its user.
in_storage() {
  local log status=0
  log=$(temporary_file exec)
  cluster exec --stdin "$transfer" -- sh -euc 'cd /claim && exec "$@"' sh "$@" 2>"$log" || status=$?
  grep -vE '^[EIW][0-9]{4} ' "$log" >&2 || true
  return "$status"
}

submit() {
  local job="$1"
  secrets=$(temporary_file secrets) && mkdir -p "$secrets"
  [ -z "$pass_file" ] || mv "$pass_file" "$secrets/variables"
  [ "$KUBE_DATA" = claim ] || copy_source "$secrets"
  rmdir "$secrets" 2>/dev/null || create_secret "$job"
  describe_job "$@" | write_kustomization "$job" base "$(object_name "$job")"
  ask_or_fail apply --kustomize ".local/jobs/$job/base" >/dev/null
}

# copy_source FOLDER: write what the init container needs to copy the data from DATA_SOURCE to a folder.
copy_source() {
  write_variables
  mv "$(temporary_file pass)" "$1"
  write_filter >"$1/filter"
  cp docker/data/rclone.sh "$1"
}

# create_secret JOB: give the cluster the files in the folder $secrets.
create_secret() {
  ask_or_fail create secret generic "$(object_name "$1")" --from-file="$secrets" >/dev/null
  ask_or_fail label secret "$(object_name "$1")" "clone=$COMPOSE_PROJECT_NAME" "job=$1" >/dev/null
}

# pods JOB: print a line for each pod of a job, the newest last: its name, its index, its phase, the exit status of the command and why it ended.
pods() {
  ask get pods --selector "$(selector "$1"),batch.kubernetes.io/job-name" --sort-by .metadata.creationTimestamp \
    --output 'jsonpath={range .items[*]}{.metadata.name}{"|"}{.metadata.annotations.batch\.kubernetes\.io/job-completion-index}{"|"}{.status.phase}{"|"}{.status.containerStatuses[0].state.terminated.exitCode}{"|"}{.status.containerStatuses[0].state.terminated.reason}{"\n"}{end}' 2>/dev/null
}

# why_pod_waits POD: print why a pod does not start, or nothing.
why_pod_waits() {
  local log missing
  log=$(temporary_file pod)
  # The reasons are ErrImagePull, ImagePullBackOff, ErrImageNeverPull and InvalidImageName.
  missing=$(ask get pod "$1" --output 'jsonpath={range .status.initContainerStatuses[*]}{.image} {.state.waiting.reason}{"\n"}{end}{range .status.containerStatuses[*]}{.image} {.state.waiting.reason}{"\n"}{end}' 2>/dev/null |
    sed -n 's/ .*Image.*//p' | head -n 1)
  if [ -n "$missing" ]; then
    echo "the cluster cannot pull the image $missing. Set REPOSITORY to a registry that it can read, or give its nodes the image."
    return
  fi
  ask get pod "$1" --output 'jsonpath={.status.conditions[?(@.type=="PodScheduled")].message}' >"$log" 2>/dev/null || true
  known_fault "$log" docker/on/kubernetes-faults.txt || last_line "$log" || true
}

# why_no_data PODS: print that a job failed before its command began, as it could not copy its data, and why.
why_no_data() {
  local log
  log=$(temporary_file data)
  ask logs --container data "$(echo "$1" | awk -F '|' 'END { print $1 }')" >"$log" 2>/dev/null || { echo failed && return; }
  echo "failed: $(known_fault "$log" docker/data/faults.txt || last_line "$log")"
}

# why_no_pod JOB: print why a job has no pod, such as a quota or a queue, or nothing.
why_no_pod() {
  local log
  log=$(temporary_file events)
  if [ "$(ask get job "$(object_name "$1")" --output 'jsonpath={.spec.suspend}' 2>/dev/null)" = true ]; then
    echo "the queue ${QUEUE:-} has not admitted it yet"
    return
  fi
  ask get events --field-selector "involvedObject.name=$(object_name "$1"),type=Warning" \
    --output 'jsonpath={range .items[*]}{.message}{"\n"}{end}' >"$log" 2>/dev/null || true
  known_fault "$log" docker/on/kubernetes-faults.txt || last_line "$log" || true
}

# The conditions of the job tell whether it has ended, and its pods tell why.
cluster_state() {
  local log status condition='' total='' active='' succeeded='' failed='' pods bad pod why
  log=$(temporary_file state)
  status=$(ask get job "$(object_name "$1")" --output 'jsonpath={range .status.conditions[?(@.status=="True")]}{.type}:{.reason}{","}{end}|{.spec.completions}|{.status.ready}|{.status.succeeded}|{.status.failed}' 2>"$log") || {
    ! grep -q NotFound "$log" || echo lost
    return 0
  }
  IFS='|' read -r condition total active succeeded failed <<END
$status
END
  case $condition in *Complete:*) echo 'done' && return ;; esac
  pods=$(pods "$1")
  bad=$(echo "$pods" | awk -F '|' '$4 != "" && $4 != 0 && !status { status = ($5 == "OOMKilled") ? "out of memory" : "failed (" $4 ")" } END { print status }')
  case $condition in
    *Failed:DeadlineExceeded*) echo 'failed: it took longer than activeDeadlineSeconds' && return ;;
    *Failed:*) echo "${bad:-$(why_no_data "$pods")}" && return ;;
  esac
  if [ "${active:-0}" != 0 ] || [ "${succeeded:-0}" != 0 ]; then
    if [ "${total:-1}" = 1 ]; then echo running; else echo "running: ${active:-0} of $total, ${succeeded:-0} done${failed:+, $failed failed}"; fi
    return
  fi
  pod=$(echo "$pods" | tail -n 1)
  case $pod in
    '') why=$(why_no_pod "$1") ;;
    *'|Pending|'*) why=$(why_pod_waits "${pod%%|*}") ;;
    *) echo running && return ;;
  esac
  echo "waiting${why:+: ${why%.}}"
}

# The log of a job with several pods is that of the first one.
log_source() { pods "$1" | awk -F '|' '$2 == "" || $2 == 0 { name = $1 } END { print name }'; }

print_log() {
  local pod
  pod=$(log_source "$1")
  if [ "${2:-}" = follow ]; then cluster logs --follow --container main "$pod"; else ask logs --container main "$pod"; fi
}

cancel_job() {
  ask_or_fail delete job "$(object_name "$1")" --ignore-not-found --cascade=foreground --wait=true --timeout="${START_TIMEOUT}s" >/dev/null
}

forget_job() {
  ask_or_fail delete job,pod,service,networkpolicy,secret --selector "$(selector "$1")" --ignore-not-found --wait=false >/dev/null
}
