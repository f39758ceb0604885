# shellcheck shell=bash
# The cluster's network: a namespace of its own in which nothing has a route out. Sourced; needs names.sh and fail.

make_network() { # DIRECTORY
  local name
  name=$(name_of "$1")
  # Nothing loads these by itself; where they are built in there is nothing to load.
  modprobe -qa overlay br_netfilter || true
  ip netns add "$name"
  stat -Lc %i "/run/netns/$name" >"$1/namespace-id"
  ip -n "$name" link set lo up
  # A bridge without ports, since not every kernel has the `dummy` type.
  ip -n "$name" link add node0 type bridge
  ip -n "$name" address add "$NODE_ADDRESS/24" dev node0
  ip -n "$name" link set node0 up
  # Where Services lead is rewritten on the way out: without a route there is no way.
  ip -n "$name" route add 10.96.0.0/24 dev node0
  nsenter "--net=/run/netns/$name" sysctl -qw net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=1
  echo "$name" >"$1/namespace"
}

make_control_groups() { # DIRECTORY
  local name root
  name=$(name_of "$1")
  for root in $(cgroup_roots); do mkdir -p "$root/$name"; done
  # Of its own, because in version 2 a group holds processes or groups.
  mkdir -p "$(cgroup_of "$name")/system"
}

# Fails where anything in the namespace would find a way out of it.
require_air_gap() { # DIRECTORY
  local name routes strange
  name=$(name_of "$1")
  routes=$(ip -n "$name" route show default; ip -n "$name" -6 route show default)
  [ -z "$routes" ] || fail "the cluster has a way out: $routes"
  ! ip -n "$name" route get 192.0.2.1 >/dev/null 2>&1 || fail "the cluster has a route to 192.0.2.1"
  # A Pod's link is a pair of which the other end is in the Pod.
  strange=$(ip -n "$name" -o link show | grep -vE '^[0-9]+: (lo|node0|cni0|veth[0-9a-f]+(@if[0-9]+)?):' || true)
  [ -z "$strange" ] || fail "the cluster has a link that nobody here made: $strange"
}

write_pod_network() { # DIRECTORY
  mkdir -p "$1/cni"
  jq -n --arg name "$(name_of "$1")" --arg subnet "$POD_NETWORK" '{cniVersion: "0.4.0", name: $name, plugins: [
    {type: "bridge", bridge: "cni0", isGateway: true, hairpinMode: true,
      ipam: {type: "host-local", ranges: [[{subnet: $subnet}]], routes: [{dst: "0.0.0.0/0"}], dataDir: "/var/lib/cni/networks"}},
    {type: "portmap", capabilities: {portMappings: true}}]}' >"$1/cni/10-pods.conflist"
}
