# shellcheck shell=bash
# A node: containerd, the kubelet and kube-proxy; and the name server of all. Sourced; needs what control_plane.sh needs.

start_node() { # DIRECTORY NODE
  local -a ENTER=("$HERE/lib/cluster/enter.sh" "$2" "$1")
  write_pod_network "$1" "$2"
  start_containerd "$1" "$2"
  load_into_node "$1" "$2" "$1/images/pause.tar" "$PAUSE_IMAGE"
  start_kubelet "$1" "$2"
  start_kube_proxy "$1" "$2"
}

# What everything on the node is started in.
start_mounts() { # DIRECTORY NODE
  local -a ENTER=("$HERE/lib/cluster/enter.sh" --bare "$2" "$1")
  local mounts
  mounts=mounts$(suffix_of "$2")
  mkdir -p "$1/node-$2"
  printf 'nameserver %s\n' "$NODE_ADDRESS" >"$1/resolv.conf"
  start_detached "$1" "$mounts" unshare --mount --propagation slave "$HERE/lib/cluster/mounts.sh" "$1" "$2"
  await "$1" "$mounts"
}

# The paths that are not under DIRECTORY lie in it all the same: see mounts.sh.
start_containerd() { # DIRECTORY NODE
  local host containerd
  containerd=containerd$(suffix_of "$2")
  cat >"$1/$containerd.toml" <<TOML
version = 2
# Each would make a folder of its own outside of DIRECTORY, or needs what is not there.
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "$PAUSE_IMAGE"
# Lowering a score is refused where root lacks CAP_SYS_RESOURCE.
restrict_oom_score_adj = true
# A profile would be loaded into the kernel and stay there.
disable_apparmor = true
netns_mounts_under_state_dir = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "$1/cni/$2"
[plugins."io.containerd.grpc.v1.cri".registry]
config_path = "$1/registries"
TOML
  for host in "$NODE_ADDRESS" registry.test; do
    mkdir -p "$1/registries/$host:5000"
    printf '[host."http://%s:5000"]\n' "$host" >"$1/registries/$host:5000/hosts.toml"
  done
  start_detached "$1" "$containerd" containerd --config "$1/$containerd.toml"
  await "$1" "$containerd"
}

start_kubelet() { # DIRECTORY NODE
  local kubelet
  kubelet=kubelet$(suffix_of "$2")
  # Nothing is evicted, nor an image dropped, for the disk that others fill.
  cat >"$1/$kubelet.yaml" <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $1/pki/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $1/pki/$kubelet.crt
tlsPrivateKeyFile: $1/pki/$kubelet.key
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
cgroupDriver: cgroupfs
cgroupRoot: /$(name_of "$1")/node-$2
failCgroupV1: false
failSwapOn: false
clusterDNS: ["$NODE_ADDRESS"]
clusterDomain: cluster.local
resolvConf: $1/resolv.conf
volumePluginDir: /var/lib/kubelet/volume-plugins
evictionHard: {memory.available: 0%, nodefs.available: 0%, nodefs.inodesFree: 0%, imagefs.available: 0%, imagefs.inodesFree: 0%}
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
featureGates: {ImageVolume: true}
YAML
  start_detached "$1" "$kubelet" "$ASSETS/kubelet" --config "$1/$kubelet.yaml" --kubeconfig "$1/$kubelet.kubeconfig" \
    --hostname-override "node-$2" --node-ip "$(node_address "$2")"
}

start_kube_proxy() { # DIRECTORY NODE
  local proxy
  proxy=kube-proxy$(suffix_of "$2")
  cat >"$1/$proxy.yaml" <<YAML
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: {kubeconfig: $1/kube-proxy.kubeconfig}
hostnameOverride: node-$2
mode: iptables
clusterCIDR: $POD_NETWORK
# What is set for the whole machine stays as it is.
conntrack: {maxPerCore: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
YAML
  start_detached "$1" "$proxy" "$ASSETS/kube-proxy" --config "$1/$proxy.yaml"
}

# On the first node and not in a Pod, so that names are known before any image is. Nothing is forwarded: there is nobody to ask.
start_coredns() { # DIRECTORY
  cat >"$1/Corefile" <<CONF
.:53 {
  bind $NODE_ADDRESS
  errors
  health 127.0.0.1:10054
  hosts {
    $NODE_ADDRESS registry.test notary.test
    fallthrough
  }
  kubernetes cluster.local in-addr.arpa {
    kubeconfig $1/coredns.kubeconfig
  }
}
CONF
  kubectl create clusterrole coredns --verb=list,watch \
    --resource=endpoints,services,pods,namespaces,endpointslices.discovery.k8s.io >/dev/null
  kubectl create clusterrolebinding coredns --clusterrole=coredns --user=system:coredns >/dev/null
  start_detached "$1" coredns "$ASSETS/coredns" -conf "$1/Corefile"
}
