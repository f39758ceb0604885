# shellcheck shell=bash
# Ends a cluster, however far it came, and makes sure that nothing of it is left. Sourced; needs names.sh and fail.

# In this order: what processes hold goes with them, and the rest is then free to go.
take_down() { # DIRECTORY
  local name namespace
  name=$(name_of "$1")
  kill_processes "$name"
  remove_control_groups "$name"
  for namespace in $(namespaces_of "$name"); do ip netns delete "$namespace"; done
  remove_state "$1"
  remove_mount_points
  require_nothing_left "$1"
  # Until then it may be asked for again.
  rm -f "$1/namespace-ids"
}

namespaces_of() { # NAME
  ip netns list | awk -v name="$1" '$1 == name || index($1, name "-") == 1 { print $1 }'
}

# By force: what they would write in order goes as well. Again and again, since what is killed may have started more.
kill_processes() { # NAME
  local pid left
  for _ in {1..200}; do
    left=$(cgroup_processes "$1")
    [ -n "$left" ] || return 0
    for pid in $left; do kill -KILL "$pid" 2>/dev/null || true; done
    sleep 0.05
  done
  fail "processes that do not end:"$'\n'"$(describe_processes "$left")"
}

remove_control_groups() { # NAME
  local root
  for root in $(cgroup_roots); do
    # The kernel lets go of a group a moment after its last process.
    for _ in {1..100}; do
      [ -d "$root/$1" ] || break
      find "$root/$1" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.05
    done
  done
}

# Logs, certificates and the kubeconfig stay for whoever asks what happened, until the next cluster there.
remove_state() { # DIRECTORY
  local folder
  for folder in "${1:?}"/{bin,cni,etcd,images,node-*,registries,registry,tls}; do
    rm -rf --one-file-system "$folder"
  done
  rm -f "$1"/*.pid "$1"/*.command "$1/namespace" "$1/nodes" "$1/wait.log"
}

# Empty folders that were made to be mounted on; another cluster may still have something on them.
remove_mount_points() {
  ! compgen -G '/run/netns/vouchsafe-*' >/dev/null || return 0
  rmdir --ignore-fail-on-non-empty /var/lib/cni /var/lib/containerd /var/lib/kubelet /var/log/containers /var/log/pods \
    /run/containerd 2>/dev/null || true
}

# What is still there of a cluster, one finding per line.
leftovers() { # DIRECTORY
  local name root id mounted file
  name=$(name_of "$1")
  for root in $(cgroup_roots); do
    [ ! -d "$root/$name" ] || echo "control group $root/$name"
  done
  namespaces_of "$name" | sed 's/^/network namespace /'
  for id in $(cat "$1/namespace-ids" 2>/dev/null); do
    for file in $(find /proc/[0-9]*/ns/net -maxdepth 0 -lname "net:\[$id\]" 2>/dev/null); do
      echo "in its network: $(describe_processes "$(cut -d/ -f3 <<<"$file")")"
    done
  done
  # A mount is from a path in its file system, at a path in the namespace.
  mounted=$(findmnt -nro TARGET -T "$1")
  for file in $(grep -lsF -e " $1/" -e " ${1#"${mounted%/}"}/node-" /proc/[0-9]*/mountinfo); do
    echo "has a mount of it: $(describe_processes "$(cut -d/ -f3 <<<"$file")")"
  done
}

describe_processes() { # PIDS
  local pid
  for pid in $1; do
    printf 'process %s: %s\n' "$pid" "$(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | cut -c1-120)"
  done
}

require_nothing_left() { # DIRECTORY
  local found
  # A mount namespace ends a moment after its last process.
  for _ in {1..100}; do
    found=$(leftovers "$1")
    [ -n "$found" ] || return 0
    sleep 0.05
  done
  fail "left behind:"$'\n'"$found"
}
