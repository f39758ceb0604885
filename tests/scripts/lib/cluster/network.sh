# shellcheck shell=bash
# The cluster's network: a namespace of its own in which nothing has a route out. Sourced; needs names.sh and fail.

# One bridge that all nodes are on; the first has its address on the bridge itself.
make_network() { # DIRECTORY NODES
  local node name
  name=$(name_of "$1")
  echo "$2" >"$1/nodes"
  # Nothing loads these by itself; where they are built in there is nothing to load.
  modprobe -qa overlay br_netfilter || true
  make_namespace "$1" 1
  # Without ports where there is one node, since not every kernel has the `dummy` type.
  ip -n "$name" link add node0 type bridge
  give_address "$1" 1 node0
  for ((node = 2; node <= $2; node++)); do
    make_namespace "$1" "$node"
    ip -n "$name" link add "node$node" type veth peer name eth0 netns "$(namespace_of "$1" "$node")"
    ip -n "$name" link set "node$node" master node0 up
    give_address "$1" "$node" eth0
  done
  for node in $(nodes_of "$1"); do route_pods "$1" "$node"; done
  echo "$name" >"$1/namespace"
}

make_namespace() { # DIRECTORY NODE
  local name
  name=$(namespace_of "$1" "$2")
  ip netns add "$name"
  stat -Lc %i "/run/netns/$name" >>"$1/namespace-ids"
  ip -n "$name" link set lo up
  nsenter "--net=/run/netns/$name" sysctl -qw net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=1
}

give_address() { # DIRECTORY NODE LINK
  local name
  name=$(namespace_of "$1" "$2")
  ip -n "$name" address add "$(node_address "$2")/24" dev "$3"
  ip -n "$name" link set "$3" up
  # Where Services lead is rewritten on the way out: without a route there is no way.
  ip -n "$name" route add 10.96.0.0/24 dev "$3"
}

# To the Pods of every other node by way of that node.
route_pods() { # DIRECTORY NODE
  local other
  for other in $(nodes_of "$1"); do
    [ "$other" -eq "$2" ] ||
      ip -n "$(namespace_of "$1" "$2")" route add "$(pod_network "$other")" via "$(node_address "$other")"
  done
}

# One for every kubelet, which ends what it does not know in its own.
make_control_groups() { # DIRECTORY NODES
  local name root node
  name=$(name_of "$1")
  for root in $(cgroup_roots); do
    for ((node = 1; node <= $2; node++)); do mkdir -p "$root/$name/node-$node"; done
  done
  # Of its own, because in version 2 a group holds processes or groups.
  mkdir -p "$(cgroup_of "$name")/system"
}

# Fails where anything in the cluster would find a way out of it.
require_air_gap() { # DIRECTORY
  local node name routes strange
  for node in $(nodes_of "$1"); do
    name=$(namespace_of "$1" "$node")
    routes=$(ip -n "$name" route show default; ip -n "$name" -6 route show default)
    [ -z "$routes" ] || fail "the cluster has a way out: $routes"
    ! ip -n "$name" route get 192.0.2.1 >/dev/null 2>&1 || fail "the cluster has a route to 192.0.2.1"
    # Of a pair the other end is in a Pod or in another node.
    strange=$(ip -n "$name" -o link show | grep -vE '^[0-9]+: (lo|node0|cni0|(veth[0-9a-f]+|node[0-9]+|eth0)@if[0-9]+):' || true)
    [ -z "$strange" ] || fail "the cluster has a link that nobody here made: $strange"
  done
}

write_pod_network() { # DIRECTORY NODE
  mkdir -p "$1/cni/$2"
  jq -n --arg name "$(name_of "$1")" --arg subnet "$(pod_network "$2")" '{cniVersion: "0.4.0", name: $name, plugins: [
    {type: "bridge", bridge: "cni0", isGateway: true, hairpinMode: true,
      ipam: {type: "host-local", ranges: [[{subnet: $subnet}]], routes: [{dst: "0.0.0.0/0"}], dataDir: "/var/lib/cni/networks"}},
    {type: "portmap", capabilities: {portMappings: true}}]}' >"$1/cni/$2/pods.conflist"
}
