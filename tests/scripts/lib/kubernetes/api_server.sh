# shellcheck shell=bash
# etcd and the API server. Sourced; needs $ASSETS, fail and process.sh.

start_cluster() { # DIRECTORY
  local directory
  mkdir -p "$1"
  directory=$(cd "$1" && pwd)
  # shellcheck disable=SC2064 # expanded now, while the name is known
  trap "stop_cluster $(printf %q "$directory")" EXIT
  start_etcd "$directory"
  start_api_server "$directory"
  trap - EXIT
  echo "$directory/kubeconfig"
}

# The API server first: without etcd it does not end in order.
stop_cluster() { # DIRECTORY
  local directory
  directory=$(cd "$1" 2>/dev/null && pwd) || return 0
  stop_detached "$directory" kube-apiserver
  stop_detached "$directory" etcd
}

# The API server alone, on the same port; what it has is in etcd.
restart_api_server() { # DIRECTORY
  local directory
  directory=$(cd "$1" && pwd)
  restart_detached "$directory" kube-apiserver
  wait_detached "$directory" kube-apiserver "$ASSETS/kubectl" --kubeconfig "$directory/kubeconfig" get --raw /readyz
}

start_etcd() { # DIRECTORY
  local directory=$1 peers
  ETCD_URL=http://127.0.0.1:$(free_port)
  peers=$ETCD_URL
  # A port is free until it is used: the same one may be found twice.
  while [ "$peers" = "$ETCD_URL" ]; do peers=http://127.0.0.1:$(free_port); done
  start_detached "$directory" etcd "$ASSETS/etcd" --data-dir "$directory/etcd" --logger zap \
    --listen-client-urls "$ETCD_URL" --advertise-client-urls "$ETCD_URL" \
    --listen-peer-urls "$peers" --initial-advertise-peer-urls "$peers" --initial-cluster "default=$peers"
  wait_detached "$directory" etcd curl -fsS "$ETCD_URL/health"
}

start_api_server() { # DIRECTORY
  local directory=$1 port
  port=$(free_port)
  make_credentials "$directory"
  write_kubeconfig "$directory" "https://127.0.0.1:$port"
  common_flags "$directory"
  start_detached "$directory" kube-apiserver "$ASSETS/kube-apiserver" "${COMMON_FLAGS[@]}" \
    --secure-port "$port" --bind-address 127.0.0.1 --advertise-address 127.0.0.1 \
    --token-auth-file "$directory/tokens.csv" --authorization-mode RBAC
  wait_detached "$directory" kube-apiserver "$ASSETS/kubectl" --kubeconfig "$directory/kubeconfig" get --raw /readyz
}

# What every API server here is started with. Sets COMMON_FLAGS.
common_flags() { # DIRECTORY
  # Image volumes are the one source of images that this version does not serve unasked.
  COMMON_FLAGS=(--etcd-servers "$ETCD_URL" --cert-dir "$1/tls"
    --service-account-issuer https://kubernetes.default.svc --service-account-key-file "$1/service-account.key"
    --service-account-signing-key-file "$1/service-account.key" --service-cluster-ip-range 10.96.0.0/24
    --allow-privileged --feature-gates ImageVolume=true --profiling=false)
}

make_credentials() { # DIRECTORY
  make_service_account_key "$1"
  (
    umask 077
    printf '%s,kubernetes-admin,kubernetes-admin,system:masters\n' "$(openssl rand -hex 16)" >"$1/tokens.csv"
  )
}

make_service_account_key() { # DIRECTORY
  (
    umask 077
    openssl genrsa -out "$1/service-account.key" 2048 2>/dev/null
  )
}

# The certificate that the API server makes for itself brings its authority along.
write_kubeconfig() { # DIRECTORY URL
  local token
  token=$(cut -d, -f1 "$1/tokens.csv")
  (
    umask 077
    cat >"$1/kubeconfig" <<YAML
apiVersion: v1
kind: Config
clusters:
- name: test
  cluster: {server: "$2", certificate-authority: "$1/tls/apiserver.crt"}
users:
- name: admin
  user: {token: "$token"}
contexts:
- name: test
  context: {cluster: test, user: admin}
current-context: test
YAML
  )
}
