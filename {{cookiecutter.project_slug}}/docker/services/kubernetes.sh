# Services on Kubernetes, from the files in services/<name>/kubernetes: a kustomization whose image has the service's name, and
# perhaps a Dockerfile that adds to that image what containers mount on this machine, a list of settings for the containers in
# settings.txt, and in data/ a component for pods that read the data folder.

# load_kubernetes_service: check ON and SERVICE, and read the functions for the cluster. Set selector, which all objects of the
# service match, and kustomization, the folder of what they are made from.
load_kubernetes_service() {
  local able
  [ "$ON" = kubernetes ] || fail "ON='$ON' is not valid for services. Use ON=kubernetes, or leave out ON."
  able=$(find services -name kubernetes -type d | cut -d / -f 2 | sort | paste -s -d ' ' -)
  [ -n "${SERVICE:-}" ] || fail "no service is given. Use SERVICE= with one that has files for Kubernetes: ${able:-none has}."
  require_service "$SERVICE"
  [ -f "services/$SERVICE/kubernetes/kustomization.yaml" ] || fail "$SERVICE has no files for Kubernetes. These have: ${able:-none}."
  . docker/lib/cluster.sh
  load_cluster
  require_cluster deployments.apps
  selector=clone=$COMPOSE_PROJECT_NAME,service=$SERVICE
  kustomization=.local/kubernetes/$SERVICE
}
load_kubernetes_service

# fail_from_cluster LOG: fail with what kubectl says. Some faults of a service are not those of a job.
fail_from_cluster() {
  cat docker/services/kubernetes-faults.txt docker/on/kubernetes-faults.txt >"$1.faults"
  general_faults="$1.faults" fail_from_log "$1"
}

# build_service_image: build the image for the cluster, and set image to its name here, which has a part of its ID: a change is an
# update, and nothing else is.
build_service_image() {
  local list base id
  list=$(temporary_file containers)
  config "$list.config"
  list_containers "$list.config" | of_services "$SERVICE" >"$list"
  ensure_images "$list"
  base=$(awk -v name="$SERVICE" '$1 == name { print $2 }' "$list")
  id=$base
  if [ -f "services/$SERVICE/kubernetes/Dockerfile" ]; then
    id=$PROJECT:$SERVICE-kubernetes
    build_log=.local/build-kubernetes.log
    cat "services/$SERVICE/faults.txt" docker/lib/faults.txt 2>/dev/null >"$list.faults" || true
    general_faults="$list.faults" run_build --file "services/$SERVICE/kubernetes/Dockerfile" --build-arg "IMAGE=$base" --tag "$id" .
  fi
  image=$PROJECT:$SERVICE-$("$DOCKER" image inspect --format '{{.Id}}' "$id" | sed 's/^sha256://' | cut -c 1-12)
  engine tag "$id" "$image"
}

# quote_yaml TEXT: print a text as a string in YAML.
quote_yaml() { printf "'%s'" "$(printf %s "$1" | sed "s/'/''/g")"; }

# write_service_kustomization: write what makes this clone's objects of the files in services/SERVICE/kubernetes.
write_service_kustomization() {
  local name value folder="services/$SERVICE/kubernetes"
  mkdir -p "$kustomization"
  {
    printf '%s\n' 'apiVersion: kustomize.config.k8s.io/v1beta1' 'kind: Kustomization' "nameSuffix: -$COMPOSE_PROJECT_NAME"
    echo "resources: [../../../$folder]"
    [ ! -d "$folder/data" ] || ! is_claim_shared || echo "components: [../../../$folder/data]"
    printf '%s\n' 'labels:' "  - {pairs: {clone: $COMPOSE_PROJECT_NAME}, includeSelectors: true}"
    printf '%s\n' 'images:' "  - {name: $SERVICE, newName: '${image%:*}', newTag: '${image##*:}'}"
    printf '%s\n' 'configMapGenerator:' "  - name: settings" "    options: {labels: {service: $SERVICE}}" '    literals:'
    sed 's/#.*//' "$folder/settings.txt" 2>/dev/null | grep . | while read -r name; do
      setting "$name" ''
      eval "value=\$$name"
      [ -z "$value" ] || printf '      - %s\n' "$(quote_yaml "$name=$value")"
    done
  } | replace "$kustomization/kustomization.yaml"
  hand_over .local/kubernetes "$kustomization"
}

# is_claim_shared: succeed if the cluster has the claim for data and pods on several nodes can read it at the same time.
is_claim_shared() {
  ask get persistentvolumeclaim "$PROJECT" --output 'jsonpath={.spec.accessModes}' 2>/dev/null | grep -q Many
}

# newest_pod: print the name of the newest pod of the service, why it waits, and with what words.
newest_pod() {
  # shellcheck disable=SC2016 # for kubectl
  ask get pods --selector "$selector" --sort-by .metadata.creationTimestamp --output \
    'jsonpath={range .items[*]}{.metadata.name}{"|"}{.status.containerStatuses[0].state.waiting.reason}{"|"}{.status.containerStatuses[0].state.waiting.message}{.status.conditions[?(@.type=="PodScheduled")].message}{"\n"}{end}' |
    grep . | tail -n 1
}

# fail_if_refused DEPLOYMENT: fail if the cluster refuses to make its pods, for example because of a quota.
fail_if_refused() {
  local log
  log=$(temporary_file refused)
  ask get "$1" --output 'jsonpath={.status.conditions[?(@.type=="ReplicaFailure")].message}' >"$log" 2>/dev/null
  [ ! -s "$log" ] || fail_from_cluster "$log"
}

# fail_if_stuck [late]: fail if the newest pod of the service cannot start, or at any rate if it is late. Otherwise, say once what
# it waits for.
fail_if_stuck() {
  local pod reason message log previous=''
  log=$(temporary_file pod)
  IFS='|' read -r pod reason message <<END
$(newest_pod)
END
  case ${1:-},$reason in
    *,ImagePullBackOff | *,ErrImageNeverPull | *,InvalidImageName)
      fail "the cluster cannot pull the image. Set REPOSITORY to a registry that it can read, or give its nodes the image $image."
      ;;
    *,CreateContainerConfigError | *,CreateContainerError | *,RunContainerError)
      fail "$pod cannot start: ${message%.}. Correct services/$SERVICE/kubernetes."
      ;;
    *,CrashLoopBackOff) previous=--previous ;;
    ,) [ "$message" = "${told:-}" ] || note "waiting for $pod: $message" && told=$message && return ;;
    ,*) return 0 ;;
    late,) [ -z "$message" ] || { echo "$message" >"$log" && fail_from_cluster "$log"; } ;;
  esac
  ask logs "$pod" $previous --tail=100 >"$log" 2>/dev/null || true
  trace_file "$log"
  message=$(known_fault "$log" "services/$SERVICE/faults.txt") || message=$(last_line "$log")
  fail "$pod did not start: ${message:-it wrote nothing}. 'make logs SERVICE=$SERVICE ON=kubernetes' shows more."
}

# wait_for_rollout: wait until all pods of the service are new and ready.
wait_for_rollout() {
  local deployment end
  end=$(($(date +%s) + START_TIMEOUT))
  for deployment in $(ask_or_fail get deployments --selector "$selector" --output name); do
    until cluster rollout status "$deployment" --timeout=5s >/dev/null 2>&1; do
      fail_if_refused "$deployment"
      if [ "$(date +%s)" -lt "$end" ]; then fail_if_stuck; else fail_if_stuck late; fi
    done
  done
}

# deploy_service: start the service on the cluster, or update it, wait until it is ready, and print how to reach it.
deploy_service() {
  . docker/lib/build.sh
  lock services
  build_service_image
  # It sends the image of this name.
  local RELEASE_IMAGE="$image"
  send_image
  write_service_kustomization
  echo "starting $SERVICE on kubernetes"
  ask_or_fail apply --kustomize "$kustomization" >/dev/null
  unlock services
  wait_for_rollout
  print_addresses
}

# print_addresses: print how to reach each port of the service from this machine.
print_addresses() {
  local name port
  # shellcheck disable=SC2016 # for kubectl
  ask_or_fail get services --selector "$selector" --output \
    'jsonpath={range .items[*]}{.metadata.name}{range .spec.ports[*]}{" "}{.port}{end}{"\n"}{end}' | while read -r name port; do
    printf '  %-16s %s\n' "$SERVICE" "kubectl ${KUBE_CONTEXT:+--context=$KUBE_CONTEXT }${KUBE_NAMESPACE:+--namespace=$KUBE_NAMESPACE }port-forward service/$name $port"
  done
}

# remove_service: remove all that the cluster has of the service.
remove_service() {
  ask_or_fail delete deployment,service,horizontalpodautoscaler,poddisruptionbudget,networkpolicy,configmap \
    --selector "$selector" --ignore-not-found >/dev/null
  rm -rf "$kustomization"
  echo "stopped $SERVICE on kubernetes"
}

# list_pods: list the pods of the service.
list_pods() { ask_or_fail get pods --selector "$selector"; }

# print_pod_logs: print the latest logs of the service's pods. With FOLLOW=1, keep printing new lines.
print_pod_logs() {
  set -- logs --selector "$selector" --all-containers --prefix --tail=100
  [ "${FOLLOW:-}" != 1 ] || set -- "$@" --follow --max-log-requests=50
  cluster "$@"
}
