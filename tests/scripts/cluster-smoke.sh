#!/usr/bin/env bash
# Whether the cluster of cluster.sh is one: containers run, are reached, are restarted around, and afterwards the machine is
# as it was, also where `up` was killed half way.
#
#   usage: cluster-smoke.sh [RUNS]   makes and ends so many clusters, one after another, the first of one node, the second
#                                    of two and so on; default: 2
#   env:   as of cluster.sh
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CLUSTER=$HERE/cluster.sh

main() {
  local run
  WORK=$(mktemp -d "${TMPDIR:-/tmp}/vouchsafe-smoke.XXXXXX")
  DIRECTORY=$WORK/cluster
  trap clean_up EXIT
  trap 'exit 130' INT TERM
  "$CLUSTER" build >/dev/null
  # Loads the modules that containers need, which stay: not a part of what is compared.
  modprobe -qa overlay br_netfilter || true
  machine_state >"$WORK/before"
  for ((run = 1; run <= ${1:-2}; run++)); do
    say "run $run, nodes: $run"
    one_run "$run"
  done
  say "an up that is killed"
  killed_run
}

clean_up() {
  local status=$?
  if [ "$status" -ne 0 ]; then
    cp -r "$DIRECTORY" "$WORK/failed" 2>/dev/null || true
    say "logs are in $WORK/failed"
  fi
  "$CLUSTER" down "$DIRECTORY" || status=1
  [ "$status" -ne 0 ] || rm -rf "$WORK"
  exit "$status"
}

one_run() { # NODES
  timed "up" "$CLUSTER" up "$DIRECTORY" "$1" >/dev/null
  deploy_from_registry
  reach_the_service
  run_what_was_loaded
  reach_no_other
  restart_components "$1"
  [ "$1" -eq 1 ] || drain_last "$1"
  simulate
  say "resident, MiB:"
  "$CLUSTER" memory "$DIRECTORY" | sed 's/^/  /'
  timed "down" "$CLUSTER" down "$DIRECTORY"
  same_machine
}

# Pulled by the node out of the registry, by digest.
deploy_from_registry() {
  "$CLUSTER" registry "$DIRECTORY" >/dev/null
  deployment probe "$(cat "$DIRECTORY/probe-image")" 2 | kubectl apply -f - >/dev/null
  kubectl expose deployment probe --port 80 --target-port 8080 >/dev/null
  timed "2 containers" kubectl rollout status deployment/probe --timeout 60s >/dev/null
  [[ $(kubectl logs deployment/probe 2>"$WORK/logs") == "listening on :8080"* ]] || fail "no log of the container"
}

# From a Pod, by the address of its Service and by its names, and from the node.
reach_the_service() {
  local address url
  address=$(kubectl get service probe -o 'jsonpath={.spec.clusterIP}')
  # kube-proxy hears of it a moment later.
  eventually from_pod "http://$address/" || fail "the Service does not lead to a Pod: $(cat "$WORK/last")"
  for url in "http://$address/" http://probe/ http://probe.default.svc.cluster.local/; do
    [[ $(from_pod "$url") == probe-* ]] || fail "$url does not answer in a Pod"
  done
  # The node has no search list.
  for url in "http://$address/" http://probe.default.svc.cluster.local/; do
    [[ $("$CLUSTER" exec "$DIRECTORY" curl -fsS --max-time 5 "$url") == probe-* ]] || fail "$url does not answer on the node"
  done
  [ "$(from_pod https://kubernetes.default/readyz)" = ok ] || fail "the API server does not answer in a Pod"
  "$CLUSTER" notary "$DIRECTORY" >/dev/null
  from_pod https://notary.test:4443/v2/ >/dev/null || fail "the Notary server does not answer in a Pod"
}

# From an archive, without a registry, by tag and by digest.
run_what_was_loaded() {
  local digest name
  digest=$("$CLUSTER" load "$DIRECTORY" "$DIRECTORY/images/probe.tar" loaded.test/team/probe:1)
  for name in loaded.test/team/probe:1 "$digest"; do
    kubectl run loaded --image "$name" --image-pull-policy Never --restart Never --command -- /probe print it ran >/dev/null
    kubectl wait --for 'jsonpath={.status.phase}=Succeeded' pod/loaded --timeout 30s >/dev/null
    [ "$(kubectl logs loaded)" = "it ran" ] || fail "no log of the Pod with $name"
    kubectl delete pod loaded --now >/dev/null
  done
}

reach_no_other() {
  local answer
  ! answer=$(from_pod http://192.0.2.1/ 2>&1) || fail "a Pod reached 192.0.2.1: $answer"
  [[ $answer == *"network is unreachable"* ]] || fail "a Pod has a route to 192.0.2.1: $answer"
  [ -z "$("$CLUSTER" exec "$DIRECTORY" ip route show default)" ] || fail "the node has a default route"
}

# What runs goes on running.
restart_components() { # NODES
  local component before components=(kube-apiserver containerd kubelet etcd kube-controller-manager kube-scheduler kube-proxy coredns)
  [ "$1" -eq 1 ] || components+=("containerd-$1" "kubelet-$1" "kube-proxy-$1")
  before=$(running_pods)
  for component in "${components[@]}"; do
    timed "restart $component" "$CLUSTER" restart "$DIRECTORY" "$component"
  done
  [ "$(running_pods)" = "$before" ] || fail "Pods changed when components were restarted"
  "$CLUSTER" stop "$DIRECTORY" kube-scheduler
  kubectl scale deployment/probe --replicas 3 >/dev/null
  eventually pods_exist 3 || fail "no third Pod was made: $(cat "$WORK/last")"
  sleep 2
  [[ $(kubectl get pods -l app=probe --no-headers) == *Pending* ]] || fail "a Pod was scheduled without a scheduler"
  "$CLUSTER" start "$DIRECTORY" kube-scheduler
  kubectl rollout status deployment/probe --timeout 60s >/dev/null
}

# What ran there runs elsewhere, and is reached across nodes before and after.
drain_last() { # NODES
  [ "$(pods_on "node-$1")" -gt 0 ] || fail "no Pod was scheduled to node-$1"
  timed "drain node-$1" kubectl drain "node-$1" >/dev/null
  kubectl rollout status deployment/probe --timeout 60s >/dev/null
  [ "$(pods_on "node-$1")" -eq 0 ] || fail "Pods are on the drained node-$1"
  kubectl uncordon "node-$1" >/dev/null
  kubectl scale deployment/probe --replicas 6 >/dev/null
  kubectl rollout status deployment/probe --timeout 60s >/dev/null
  [ "$(pods_on "node-$1")" -gt 0 ] || fail "no Pod was scheduled to node-$1 again"
  reach_each_pod
}

pods_on() { # NODE
  kubectl get pods -l app=probe --field-selector "spec.nodeName=$1,status.phase=Running" -o name | wc -l
}

# From one Pod, without the Service.
reach_each_pod() {
  local address
  for address in $(kubectl get pods -l app=probe -o 'jsonpath={.items[*].status.podIP}'); do
    [[ $(from_pod "http://$address:8080/") == probe-* ]] || fail "$address does not answer in another Pod"
  done
}

simulate() {
  timed "50 simulated nodes" "$CLUSTER" kwok "$DIRECTORY" 50
  deployment simulated registry.invalid/none:1 100 |
    jq '.spec.template.spec += {nodeSelector: {type: "kwok"}, tolerations: [{key: "kwok.x-k8s.io/node", operator: "Exists"}]}' |
    kubectl apply -f - >/dev/null
  timed "100 simulated Pods" kubectl rollout status deployment/simulated --timeout 120s >/dev/null
}

# Killed as nothing can be prepared for, when the node has just been started; and with a process in its network that it
# does not know of, so that the search for what is left has something to find.
killed_run() {
  local pid stray found
  setsid "$CLUSTER" up "$DIRECTORY" >"$WORK/killed.log" 2>&1 &
  pid=$!
  until [ -e "$DIRECTORY/kube-proxy.pid" ]; do
    kill -0 "$pid" 2>/dev/null || fail "up ended before it was killed: $(cat "$WORK/killed.log")"
    sleep 0.1
  done
  kill -KILL "$pid"
  wait "$pid" 2>/dev/null || true
  nsenter "--net=/run/netns/$(cat "$DIRECTORY/namespace")" sleep 600 &
  stray=$!
  ! found=$("$CLUSTER" down "$DIRECTORY" 2>&1) || fail "down did not find process $stray"
  [[ $found == *"process $stray: sleep 600"* ]] || fail "down did not name process $stray: $found"
  kill "$stray"
  wait "$stray" 2>/dev/null || true
  timed "down" "$CLUSTER" down "$DIRECTORY"
  same_machine
}

deployment() { # NAME IMAGE REPLICAS
  jq -n --arg name "$1" --arg image "$2" --argjson replicas "$3" '{apiVersion: "apps/v1", kind: "Deployment", metadata: {name: $name},
    spec: {replicas: $replicas, selector: {matchLabels: {app: $name}}, template: {metadata: {labels: {app: $name}}, spec: {containers: [
      {name: "app", image: $image, readinessProbe: {httpGet: {path: "/", port: 8080}, periodSeconds: 1}}]}}}}'
}

pods_exist() { # COUNT
  [ "$(kubectl get pods -l app=probe -o name | wc -l)" -eq "$1" ]
}

running_pods() {
  kubectl get pods -l app=probe -o 'jsonpath={range .items[*]}{.metadata.uid} {.status.containerStatuses[0].containerID}{"\n"}{end}' | sort
}

from_pod() { # URL
  kubectl exec deployment/probe -- /probe get "$1"
}

# Repeats a command until it succeeds, for half a minute; what it said last is in $WORK/last.
eventually() { # COMMAND…
  local deadline=$((SECONDS + 30))
  until "$@" >"$WORK/last" 2>&1; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.2
  done
}

kubectl() { "$CLUSTER" exec "$DIRECTORY" kubectl "$@"; }

# What a cluster could leave: links, routes, rules, mounts, namespaces, control groups, settings, folders.
machine_state() {
  ip -o link | sed 's/^[0-9]*: //; s/ state .*//'
  ip route
  ip netns list
  iptables-save 2>/dev/null | grep -v '^#' || true
  cut -d' ' -f4- /proc/self/mountinfo | sort
  find /sys/fs/cgroup -maxdepth 2 -type d \( -name 'vouchsafe-*' -o -name 'kubepods*' \)
  find /run/netns /run/containerd /var/lib/cni /var/lib/kubelet /var/lib/containerd /var/log/pods /var/log/containers 2>/dev/null || true
  sysctl vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops net.ipv4.ip_forward
}

same_machine() {
  machine_state >"$WORK/after"
  diff "$WORK/before" "$WORK/after" >&2 || fail "the machine is not as it was"
  say "  the machine is as it was"
}

timed() { # WHAT COMMAND…
  local what=$1 start=${EPOCHREALTIME/[.,]/}
  shift
  "$@"
  printf '  %-34s %6d ms\n' "$what" $(((${EPOCHREALTIME/[.,]/} - start) / 1000)) >&2
}

say() { printf '%s\n' "$*" >&2; }

fail() {
  printf 'cluster-smoke.sh: %s\n' "$*" >&2
  exit 1
}

main "$@"
