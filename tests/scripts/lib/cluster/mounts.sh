#!/usr/bin/env bash
# Holds the mount namespace of a node, in which folders of the cluster lie over those that containerd and the kubelet use
# without being asked. Whatever they mount is gone with the last process in it.
#
#   usage: unshare --mount --propagation slave mounts.sh DIRECTORY NODE
set -euo pipefail

DIRECTORY=$1
OWN=$DIRECTORY/node-$2
FOLDERS=(/var/lib/cni /var/lib/containerd /var/lib/kubelet /var/log/containers /var/log/pods /run/containerd)

# What the kubelet would set for the whole machine it finds set.
SYSCTLS=(vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1
  kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000)

# Containers may ask for mounts that propagate.
mount --make-rshared /
mkdir -p "$OWN/sysctl"
for setting in "${SYSCTLS[@]}"; do
  file=$OWN/sysctl/$(basename "${setting%=*}")
  echo "${setting#*=}" >"$file"
  mount --bind "$file" "/proc/sys/${setting%=*}"
done
# Names are what the cluster says they are.
mount --bind "$DIRECTORY/resolv.conf" "$(realpath /etc/resolv.conf)"
# The last of the folders tells that all is done.
for folder in "${FOLDERS[@]}"; do
  mkdir -p "$OWN$folder" "$folder"
  mount --bind "$OWN$folder" "$folder"
done
exec -a "mounts of $OWN" sleep infinity
