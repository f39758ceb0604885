#!/usr/bin/env bash
# A real Kubernetes API server with its etcd, on loopback, as its own user would run them: built from source, since no
# registry carries them as programs.
#
#   usage: kubernetes.sh build            installs and builds what is missing; prints the folder with the programs
#          kubernetes.sh start DIRECTORY  builds, then starts etcd and the API server with everything they write in
#                                         DIRECTORY; ready when it returns; prints the kubeconfig of an administrator
#          kubernetes.sh restart DIRECTORY ends the API server that `start` started there, and starts it again
#          kubernetes.sh stop DIRECTORY   ends what `start` started there, by process ID; DIRECTORY stays
#   env:   KUBEBUILDER_ASSETS             a folder with kube-apiserver, etcd and kubectl: nothing is built then
#          KUBERNETES_CACHE               where built programs are kept; default: ~/.cache/vouchsafe
#
# The first build takes some minutes. It needs Go, and as root on Debian brings what else is missing.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# shellcheck source=tests/scripts/lib/go.sh
. "$HERE/lib/go.sh"
# shellcheck source=tests/scripts/lib/kubernetes/build.sh
. "$HERE/lib/kubernetes/build.sh"
# shellcheck source=tests/scripts/lib/kubernetes/process.sh
. "$HERE/lib/kubernetes/process.sh"
# shellcheck source=tests/scripts/lib/kubernetes/api_server.sh
. "$HERE/lib/kubernetes/api_server.sh"

main() {
  case "${1:-} $#" in
  "build 1") build_programs && echo "$ASSETS" ;;
  "start 2")
    build_programs
    start_cluster "$2"
    ;;
  "restart 2")
    build_programs
    restart_api_server "$2"
    ;;
  "stop 2") stop_cluster "$2" ;;
  *)
    sed -n 's/^# \{0,1\}//; 5,13p' "$0" >&2
    exit 2
    ;;
  esac
}

fail() {
  printf 'kubernetes.sh: %s\n' "$*" >&2
  exit 1
}

main "$@"
