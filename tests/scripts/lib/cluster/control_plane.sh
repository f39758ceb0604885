# shellcheck shell=bash
# etcd, the API server and what makes a cluster of it. Sourced; needs $ASSETS, the files beside it and lib/kubernetes.

start_control_plane() { # DIRECTORY
  make_certificates "$1"
  make_service_account_key "$1"
  start_etcd "$1"
  start_kube_apiserver "$1"
  start_kube_controller_manager "$1"
  start_kube_scheduler "$1"
}

# Endpoints of webhooks are dialled as such, not by way of their Service, as where the API server is not on a node.
# Told to end it ends watches soon; without being told how soon, it waits a minute for them.
start_kube_apiserver() { # DIRECTORY
  local pki=$1/pki
  common_flags "$1"
  start_detached "$1" kube-apiserver "$ASSETS/kube-apiserver" "${COMMON_FLAGS[@]}" \
    --secure-port 6443 --advertise-address "$NODE_ADDRESS" --enable-aggregator-routing=true \
    --shutdown-watch-termination-grace-period 1s \
    --tls-cert-file "$pki/kube-apiserver.crt" --tls-private-key-file "$pki/kube-apiserver.key" --client-ca-file "$pki/ca.crt" \
    --kubelet-client-certificate "$pki/kubelet-client.crt" --kubelet-client-key "$pki/kubelet-client.key" \
    --kubelet-certificate-authority "$pki/ca.crt" --kubelet-preferred-address-types InternalIP \
    --authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction
  await "$1" kube-apiserver
}

# By itself it would hold to 20 requests a second, and be what a test of many objects measures.
start_kube_controller_manager() { # DIRECTORY
  local pki=$1/pki
  start_detached "$1" kube-controller-manager "$ASSETS/kube-controller-manager" \
    --kubeconfig "$1/kube-controller-manager.kubeconfig" --use-service-account-credentials \
    --service-account-private-key-file "$1/service-account.key" --root-ca-file "$pki/ca.crt" \
    --cluster-signing-cert-file "$pki/ca.crt" --cluster-signing-key-file "$pki/ca.key" \
    --bind-address 127.0.0.1 --leader-elect=false --profiling=false --kube-api-qps 400 --kube-api-burst 800
}

start_kube_scheduler() { # DIRECTORY
  start_detached "$1" kube-scheduler "$ASSETS/kube-scheduler" --kubeconfig "$1/kube-scheduler.kubeconfig" \
    --bind-address 127.0.0.1 --leader-elect=false --profiling=false
}

kubectl() { # ARGUMENT…
  "${ENTER[@]}" "$ASSETS/kubectl" --kubeconfig "$DIRECTORY/kubeconfig" "$@"
}

# Waits until a component answers, wherever it can be asked.
await() { # DIRECTORY COMPONENT
  local kind=$2 node=1 ask=(curl -fsSk --max-time 5)
  [[ ! $2 =~ ^(.*)-([0-9]+)$ ]] || kind=${BASH_REMATCH[1]} node=${BASH_REMATCH[2]}
  case $kind in
  etcd) ask+=("$(grep -zA1 -x -- --listen-client-urls "$1/etcd.command" | tail -zn 1 | tr -d '\0')/health") ;;
  kube-apiserver) ask=("$ASSETS/kubectl" --kubeconfig "$1/kubeconfig" get --raw /readyz) ;;
  kube-controller-manager) ask+=(https://127.0.0.1:10257/healthz) ;;
  kube-scheduler) ask+=(https://127.0.0.1:10259/healthz) ;;
  kubelet) ask+=(http://127.0.0.1:10248/healthz) ;;
  kube-proxy) ask+=(http://127.0.0.1:10256/livez) ;;
  coredns) ask+=(http://127.0.0.1:10054/health) ;;
  docker-registry) ask+=("http://$NODE_ADDRESS:5000/v2/") ;;
  notary-server) ask+=("https://$NODE_ADDRESS:4443/v2/") ;;
  kwok) ask+=(http://127.0.0.1:10247/healthz) ;;
  containerd) ask=(ctr version) ;;
  mounts) ask=(mountpoint -q /run/containerd) ;;
  *) fail "$2 is no component" ;;
  esac
  local -a ENTER=("$HERE/lib/cluster/enter.sh" "$node" "$1")
  wait_detached "$1" "$2" "${ask[@]}"
}
