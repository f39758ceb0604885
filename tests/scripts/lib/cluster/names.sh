# shellcheck shell=bash
# What a cluster is called outside its own folder: its network namespaces and its control groups; and its addresses. Sourced.

# The first node's, on which all that is in no Pod runs.
NODE_ADDRESS=10.77.0.1
POD_NETWORK=10.244.0.0/16

node_address() { echo "10.77.0.$1"; }    # NODE
pod_network() { echo "10.244.$1.0/24"; } # NODE

# The network namespace of a node; the first node's is the cluster's.
namespace_of() { # DIRECTORY NODE
  echo "$(name_of "$1")$(suffix_of "$2")"
}

# What comes after the names of what every node has one of.
suffix_of() { # NODE
  [ "$1" -eq 1 ] || echo "-$1"
}

# The numbers of all nodes, from 1.
nodes_of() { # DIRECTORY
  seq "$(cat "$1/nodes" 2>/dev/null || echo 0)"
}

# The same name for the same folder, be it there or not.
name_of() { # DIRECTORY
  echo "vouchsafe-$(realpath -m -- "$1" | tr -d '\n' | sha256sum | head -c 8)"
}

# The roots of the control groups: one, or one per controller in version 1.
cgroup_roots() {
  local root
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    echo /sys/fs/cgroup
    return
  fi
  for root in /sys/fs/cgroup/*; do
    [ -L "$root" ] || [ ! -e "$root/cgroup.procs" ] || echo "$root"
  done
}

# The control group that every process of the cluster is in, at some depth.
cgroup_of() { # NAME
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    echo "/sys/fs/cgroup/$1"
  else
    echo "/sys/fs/cgroup/pids/$1"
  fi
}

cgroup_processes() { # NAME
  local group
  group=$(cgroup_of "$1")
  [ ! -d "$group" ] || find "$group" -name cgroup.procs -exec cat {} + 2>/dev/null || true
}
