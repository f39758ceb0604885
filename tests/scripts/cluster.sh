#!/usr/bin/env bash
# A real Kubernetes whose nodes run containers, in network namespaces without a route out. Everything it is made of
# is a Debian package or built from source once; all that it writes is under DIRECTORY.
#
#   usage: cluster.sh build                       installs and builds what is missing; prints where each program is
#          cluster.sh up DIRECTORY [NODES]        makes the cluster, after taking down what is left of an earlier one there;
#                                                 its nodes (1 to 9, default 1) are ready when it returns; prints the
#                                                 kubeconfig of an administrator
#          cluster.sh down DIRECTORY              ends all of it, however far `up` came; fails where anything is left
#          cluster.sh exec DIRECTORY COMMAND…     runs a command in the cluster's network, with kubectl and helm set up for it
#          cluster.sh stop DIRECTORY COMPONENT    ends one component, by process ID
#          cluster.sh start DIRECTORY COMPONENT   starts it again, as it was started; it answers when this returns
#          cluster.sh restart DIRECTORY COMPONENT
#          cluster.sh registry DIRECTORY          a registry in there, with the image that tests run; prints its host
#          cluster.sh notary DIRECTORY            a Notary server in there; prints its URL
#          cluster.sh kwok DIRECTORY NODES        simulates so many nodes
#          cluster.sh load DIRECTORY ARCHIVE NAME:TAG   gives every node an image, an OCI archive; prints its name by digest
#          cluster.sh push DIRECTORY ARCHIVE NAME:TAG   pushes it to the registry; prints its name by digest
#          cluster.sh memory DIRECTORY            what each component has resident, in MiB
#   env:   KUBEBUILDER_ASSETS                     a folder with programs: what is there is not built
#          KUBERNETES_CACHE                       where built programs are kept; default: ~/.cache/vouchsafe
#
# Components are etcd, kube-apiserver, kube-controller-manager, kube-scheduler, containerd, kubelet, kube-proxy, coredns and,
# once asked for, docker-registry, notary-server, kwok; of the second node containerd-2, kubelet-2, kube-proxy-2. Runs as
# root. The first build takes up to ten minutes, and needs Go.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

for library in go tool helm kubernetes/build kubernetes/process kubernetes/api_server cluster/names cluster/programs \
  cluster/network cluster/certificates cluster/control_plane cluster/node cluster/images cluster/servers cluster/teardown; do
  # shellcheck disable=SC1090 # each is checked by itself
  . "$HERE/lib/$library.sh"
done

main() {
  [ "$#" -ge 1 ] || usage
  [ "$(id -u)" -eq 0 ] || fail "only root can make namespaces and control groups as a node needs them"
  local command=$1
  if [ "$*" = build ]; then
    build
    return
  fi
  [ "$#" -ge 2 ] || usage
  DIRECTORY=$(realpath -m -- "$2")
  [[ $DIRECTORY =~ ^[A-Za-z0-9/._-]+$ ]] || fail "not every program takes a path such as $DIRECTORY"
  ASSETS=$DIRECTORY/bin
  ENTER=("$HERE/lib/cluster/enter.sh" 1 "$DIRECTORY")
  shift 2
  case "$command $#" in
  "up 0") up 1 ;;
  "up 1") require_count "$1" && up "$1" ;;
  "down 0") take_down "$DIRECTORY" ;;
  "stop 1") require_up && stop_component "$1" ;;
  "start 1") require_up && start_component "$1" ;;
  "restart 1") require_up && stop_component "$1" && start_component "$1" ;;
  "registry 0") require_up && start_registry "$DIRECTORY" ;;
  "notary 0") require_up && start_notary "$DIRECTORY" ;;
  "kwok 1") require_up && simulate_nodes "$DIRECTORY" "$1" ;;
  "load 2") require_up && load_archive "$DIRECTORY" "$@" ;;
  "push 2") require_up && push_archive "$DIRECTORY" "$@" ;;
  "memory 0") require_up && show_memory "$DIRECTORY" ;;
  "exec 0") usage ;;
  exec\ *) require_up && execute "$@" ;;
  *) usage ;;
  esac
}

require_count() { # NODES
  [[ $1 =~ ^[1-9]$ ]] || usage
}

build() {
  local program
  locate_programs
  for program in "${!PROGRAMS[@]}"; do echo "${PROGRAMS[$program]}"; done | sort
}

up() { # NODES
  local node
  locate_programs
  [ ! -d "$DIRECTORY" ] || take_down "$DIRECTORY"
  mkdir -p "$DIRECTORY"
  rm -f "$DIRECTORY"/*.log
  trap 'take_down "$DIRECTORY"' EXIT
  trap 'exit 130' INT TERM
  link_programs "$DIRECTORY"
  # Where building left it elsewhere.
  ASSETS=$DIRECTORY/bin
  make_images
  make_control_groups "$DIRECTORY" "$1"
  make_network "$DIRECTORY" "$1"
  for node in $(nodes_of "$DIRECTORY"); do start_mounts "$DIRECTORY" "$node"; done
  start_control_plane "$DIRECTORY"
  for node in $(nodes_of "$DIRECTORY"); do start_node "$DIRECTORY" "$node"; done
  start_coredns "$DIRECTORY"
  await_cluster
  require_air_gap "$DIRECTORY"
  trap - EXIT
  echo "$DIRECTORY/kubeconfig"
}

make_images() {
  mkdir -p "$DIRECTORY/images"
  make_image_archive "$ASSETS/probe" '["sleep"]' "$DIRECTORY/images/pause.tar"
  make_image_archive "$ASSETS/probe" '["serve"]' "$DIRECTORY/images/probe.tar"
}

await_cluster() {
  local component node
  for component in kube-controller-manager kube-scheduler coredns; do
    await "$DIRECTORY" "$component"
  done
  for node in $(nodes_of "$DIRECTORY"); do
    await "$DIRECTORY" "kubelet$(suffix_of "$node")"
    await "$DIRECTORY" "kube-proxy$(suffix_of "$node")"
    wait_detached "$DIRECTORY" "kubelet$(suffix_of "$node")" "$ASSETS/kubectl" --kubeconfig "$DIRECTORY/kubeconfig" \
      wait --for=condition=Ready "node/node-$node" --timeout 60s
  done
  # No Pod is admitted before it has one.
  wait_detached "$DIRECTORY" kube-controller-manager "$ASSETS/kubectl" --kubeconfig "$DIRECTORY/kubeconfig" \
    -n default get serviceaccount default
}

require_up() { # NODES
  local node
  [ -e "$DIRECTORY/namespace" ] || fail "there is no cluster in $DIRECTORY; make one with: cluster.sh up $DIRECTORY"
}

stop_component() { # COMPONENT
  require_component "$1"
  stop_detached "$DIRECTORY" "$1"
}

start_component() { # COMPONENT
  require_component "$1"
  is_running "$DIRECTORY" "$1" || resume_detached "$DIRECTORY" "$1"
  await "$DIRECTORY" "$1"
}

require_component() { # COMPONENT
  if [ ! -e "$DIRECTORY/$1.command" ] || [[ $1 == mounts* ]]; then
    fail "$1 is no component that was started in $DIRECTORY"
  fi
}

execute() { # COMMAND…
  export KUBECONFIG=$DIRECTORY/kubeconfig PATH=$ASSETS:$PATH
  exec "${ENTER[@]}" "$@"
}

# Shared pages are counted once, for whoever has them: the figures add up.
show_memory() { # DIRECTORY
  local pid
  for pid in $(cgroup_processes "$(name_of "$1")"); do
    awk -v name="$(tr '\0' ' ' <"/proc/$pid/cmdline" | cut -d' ' -f1)" '
      /^Pss:/ { sub(/.*\//, "", name); print name, $2 }' "/proc/$pid/smaps_rollup" 2>/dev/null || true
  done | awk '{ sum[$1] += $2; count[$1]++; total += $2 }
    END {
      for (name in sum) printf "%7.1f  %s (%d)\n", sum[name] / 1024, name, count[name]
      printf "%7.1f  all\n", total / 1024
    }' | sort -rn
}

usage() {
  sed -n 's/^# \{0,1\}//; 5,22p' "$0" >&2
  exit 2
}

fail() {
  printf 'cluster.sh: %s\n' "$*" >&2
  exit 1
}

main "$@"
