# shellcheck shell=bash
# What a cluster behind an air gap has beside it: a registry and, where it is synced, a Notary server. Sourced.

# Plain HTTP, as containerd is told; prints the host that names images.
start_registry() { # DIRECTORY
  cat >"$1/registry.yaml" <<YAML
version: 0.1
log: {level: info, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $1/registry}, delete: {enabled: true}}
http: {addr: "$NODE_ADDRESS:5000"}
YAML
  start_detached "$1" docker-registry docker-registry serve "$1/registry.yaml"
  await "$1" docker-registry
  push_archive "$1" "$1/images/probe.tar" vouchsafe/probe:1 >"$1/probe-image"
  echo "$NODE_ADDRESS:5000"
}

# What it stores is lost when it ends: Debian's has no other back end that needs no database. Prints the URL, which
# DIRECTORY/pki/ca.crt vouches for.
start_notary() { # DIRECTORY
  issue_certificate "$1" notary-server "/CN=notary.test" "DNS:notary.test,IP:$NODE_ADDRESS"
  cat >"$1/notary-server.json" <<JSON
{ "server": { "http_addr": "$NODE_ADDRESS:4443", "tls_cert_file": "pki/notary-server.crt", "tls_key_file": "pki/notary-server.key" },
  "trust_service": { "type": "local" },
  "storage": { "backend": "memory" },
  "logging": { "level": "info" } }
JSON
  start_detached "$1" notary-server notary-server -config "$1/notary-server.json"
  await "$1" notary-server
  echo "https://$NODE_ADDRESS:4443"
}

# Nodes on which Pods run that are not there: a Pod gets on one by a nodeSelector and a toleration of the taint.
simulate_nodes() { # DIRECTORY NODES
  is_running "$1" kwok || {
    start_detached "$1" kwok "$ASSETS/kwok" --kubeconfig "$1/kubeconfig" --manage-all-nodes=false \
      --manage-nodes-with-annotation-selector kwok.x-k8s.io/node=fake --node-lease-duration-seconds 40 \
      --server-address 127.0.0.1:10247
    await "$1" kwok
  }
  simulated_nodes "$2" >"$1/nodes.yaml"
  kubectl apply --server-side -f "$1/nodes.yaml" >/dev/null
  await_nodes "$1" "$2"
}

simulated_nodes() { # NODES
  local number
  for ((number = 0; number < $1; number++)); do
    cat <<YAML
---
apiVersion: v1
kind: Node
metadata:
  name: kwok-$number
  annotations: {kwok.x-k8s.io/node: fake}
  labels: {type: kwok, kubernetes.io/hostname: kwok-$number, kubernetes.io/os: linux, kubernetes.io/arch: $(go_architecture)}
spec: {taints: [{key: kwok.x-k8s.io/node, value: fake, effect: NoSchedule}]}
status: {allocatable: {cpu: 32, memory: 256Gi, pods: 250}, capacity: {cpu: 32, memory: 256Gi, pods: 250}}
YAML
  done
}

# One request for all, where `kubectl wait` would watch each.
await_nodes() { # DIRECTORY NODES
  local ready deadline=$((SECONDS + 60 + $2 / 10))
  while :; do
    ready=$(kubectl get nodes -l type=kwok --no-headers 2>/dev/null | awk '$2 == "Ready"' | wc -l)
    [ "$ready" -lt "$2" ] || return 0
    [ "$SECONDS" -lt "$deadline" ] || fail "of $2 simulated nodes $ready are ready: see $1/kwok.log"
    sleep 1
  done
}
