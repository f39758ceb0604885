#!/usr/bin/env bash
# Becomes a command inside a cluster: in its control group, by which `down` finds every process, in the network of a node,
# and among what that node mounts.
#
#   usage: enter.sh [--bare] NODE DIRECTORY COMMAND…   with --bare before there are mounts
set -euo pipefail

# shellcheck source=tests/scripts/lib/cluster/names.sh
. "$(dirname "${BASH_SOURCE[0]}")/names.sh"

BARE=
[ "$1" != --bare ] || { BARE=1 && shift; }
NODE=$1 DIRECTORY=$2
shift 2
NAMESPACES=("--net=/run/netns/$(namespace_of "$DIRECTORY" "$NODE")")
[ -n "$BARE" ] || NAMESPACES+=("--mount=/proc/$(cat "$DIRECTORY/mounts$(suffix_of "$NODE").pid")/ns/mnt")

echo "$BASHPID" >"$(cgroup_of "$(name_of "$DIRECTORY")")/system/cgroup.procs"
# What leads out of this machine leads nowhere in there.
unset http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY all_proxy ALL_PROXY
# Not `ip netns exec`, which mounts /sys anew and so hides the control groups. The working directory would be lost.
# shellcheck disable=SC2016 # expanded in there
exec nsenter "${NAMESPACES[@]}" -- "$BASH" -c 'cd "$0" && exec "$@"' "$PWD" "$@"
