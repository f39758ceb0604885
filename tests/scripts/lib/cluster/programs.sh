# shellcheck shell=bash
# Every program that a cluster runs: Debian's where it has them, all others built. Sourced; needs lib/kubernetes/build.sh,
# lib/tool.sh and lib/helm.sh.

CLUSTER_PROGRAMS=(kube-apiserver kubectl kube-controller-manager kube-scheduler kubelet kube-proxy)
CLUSTER_PACKAGES=(/usr/lib/cni/bridge containerd curl docker-registry ip iptables jq modprobe notary-server nsenter openssl runc skopeo)

# From the name of a program to where it is.
declare -A PROGRAMS=()

locate_programs() {
  local program missing=()
  "$HERE/install.sh" "${CLUSTER_PACKAGES[@]}" >&2
  for program in "${CLUSTER_PROGRAMS[@]}"; do
    find_in_assets "$program" || missing+=("$program")
  done
  if [ "${#missing[@]}" -gt 0 ]; then
    build_missing "${missing[@]}"
    for program in "${missing[@]}"; do PROGRAMS[$program]=$ASSETS/$program; done
  fi
  provide_helm
  PROGRAMS[helm]=$HELM
  for program in etcd kwok coredns probe; do
    find_in_assets "$program" && continue
    provide_tool "$program" "$(tool_cache)" ""
    PROGRAMS[$program]=$PROGRAM
  done
}

find_in_assets() { # PROGRAM
  [ -n "${KUBEBUILDER_ASSETS:-}" ] && [ -x "$KUBEBUILDER_ASSETS/$1" ] && PROGRAMS[$1]=$KUBEBUILDER_ASSETS/$1
}

# One folder for all of them, which is part of the command line of each and tells clusters apart.
link_programs() { # DIRECTORY
  local program
  mkdir -p "$1/bin"
  for program in "${!PROGRAMS[@]}"; do
    ln -sfn "$(realpath "${PROGRAMS[$program]}")" "$1/bin/$program"
  done
}
