# shellcheck shell=bash
# The cluster's authority, and who it vouches for. Sourced; needs names.sh.

make_authority() { # DIRECTORY
  mkdir -p "$1/pki"
  (
    umask 077
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -keyout "$1/pki/ca.key" -out "$1/pki/ca.crt" \
      -subj "/CN=Vouchsafe test cluster" -addext basicConstraints=critical,CA:TRUE \
      -addext keyUsage=critical,keyCertSign,cRLSign,digitalSignature 2>"$1/openssl.log"
  )
}

# For client and server alike; without names it is of no use to a server.
issue_certificate() { # DIRECTORY NAME SUBJECT [SUBJECT-ALTERNATIVE-NAMES]
  local pki=$1/pki
  (
    umask 077
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$pki/$2.key" -subj "$3" |
      openssl x509 -req -CA "$pki/ca.crt" -CAkey "$pki/ca.key" -CAcreateserial -days 30 -out "$pki/$2.crt" -extfile <(
        printf 'basicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth,clientAuth\n'
        [ -z "${4:-}" ] || printf 'subjectAltName=%s\n' "$4"
      )
  ) 2>>"$1/openssl.log"
}

# Whole in one file, so that it works from anywhere.
write_client_kubeconfig() { # DIRECTORY NAME FILE
  local pki=$1/pki
  (
    umask 077
    cat >"$3" <<YAML
apiVersion: v1
kind: Config
clusters:
- name: test
  cluster: {server: "https://$NODE_ADDRESS:6443", certificate-authority-data: $(base64 -w0 "$pki/ca.crt")}
users:
- name: $2
  user: {client-certificate-data: $(base64 -w0 "$pki/$2.crt"), client-key-data: $(base64 -w0 "$pki/$2.key")}
contexts:
- name: test
  context: {cluster: test, user: $2}
current-context: test
YAML
  )
}

# Everybody who calls the API server, each by its own name, and the two who are called by theirs.
make_certificates() { # DIRECTORY
  local name node
  make_authority "$1"
  issue_certificate "$1" kube-apiserver "/CN=kube-apiserver" "DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,\
DNS:kubernetes.default.svc.cluster.local,DNS:localhost,IP:127.0.0.1,IP:$NODE_ADDRESS,IP:10.96.0.1"
  for node in $(nodes_of "$1"); do
    name=kubelet$(suffix_of "$node")
    issue_certificate "$1" "$name" "/O=system:nodes/CN=system:node:node-$node" "DNS:node-$node,IP:$(node_address "$node")"
    write_client_kubeconfig "$1" "$name" "$1/$name.kubeconfig"
  done
  issue_certificate "$1" kubelet-client "/O=system:masters/CN=kube-apiserver-kubelet-client"
  issue_certificate "$1" admin "/O=system:masters/CN=kubernetes-admin"
  for name in kube-controller-manager kube-scheduler kube-proxy coredns; do
    issue_certificate "$1" "$name" "/CN=system:$name"
    write_client_kubeconfig "$1" "$name" "$1/$name.kubeconfig"
  done
  write_client_kubeconfig "$1" admin "$1/kubeconfig"
}
