#!/usr/bin/env bash
# The helm client, as its own user would run it: built from source, since Debian 12 has no package of it.
#
#   usage: helm.sh build       builds it if it is not there; prints the program's path
#   env:   HELM                a program that is there: nothing is built then
#          KUBEBUILDER_ASSETS  a folder that may hold helm: used then
#          KUBERNETES_CACHE    where the built program is kept; default: ~/.cache/vouchsafe
#
# The first build takes one to three minutes. It needs Go, and as root on Debian brings what else is missing.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# shellcheck source=tests/scripts/lib/go.sh
. "$HERE/lib/go.sh"
# shellcheck source=tests/scripts/lib/tool.sh
. "$HERE/lib/tool.sh"
# shellcheck source=tests/scripts/lib/helm.sh
. "$HERE/lib/helm.sh"

main() {
  if [ "$*" != build ]; then
    sed -n 's/^# \{0,1\}//; 4,7p' "$0" >&2
    exit 2
  fi
  provide_helm
  echo "$HELM"
}

fail() {
  printf 'helm.sh: %s\n' "$*" >&2
  exit 1
}

main "$@"
