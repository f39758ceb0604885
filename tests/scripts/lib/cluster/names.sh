# shellcheck shell=bash
# What a cluster is called outside its own folder: its network namespace and its control groups. Sourced.

# The address of the node, the one interface that is not a Pod's.
NODE_ADDRESS=10.77.0.1
NODE_NAME=node
POD_NETWORK=10.244.0.0/24

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
