#!/usr/bin/env bash
# The walk-through on a real cluster of two nodes that nothing leads out of: the chart is installed, an unsigned Pod is denied,
# a signed one runs as a container pinned to its digest, and goes on doing so when the Notary server is gone.
#
#   usage: cluster-demo.sh
#   env:   VOUCHSAFE_IMAGE_ARCHIVE   an OCI archive of the image; without it, it is built, which takes minutes
#          KEEP=1                    leaves the working directory with the logs behind
#          those of cluster.sh
#
# Runs as root. Everything is gone afterwards.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

for library in go tool narration publisher cluster/names cluster/images lab; do
  # shellcheck disable=SC1090 # each is checked by itself
  . "$HERE/lib/$library.sh"
done

main() {
  "$HERE/install.sh"
  WORK=$(mktemp -d "${TMPDIR:-/tmp}/vouchsafe-cluster-demo.XXXXXX")
  trap clean_up EXIT
  trap 'exit 130' INT TERM

  step 1 "A cluster of two nodes, a registry, a Notary server, and no way out"
  make_lab 2
  show kubectl get nodes
  show_gap

  step 2 "A publisher pushes two images, and signs one"
  publish_images

  step 3 "Install Vouchsafe"
  push_vouchsafe
  write_values "$WORK/values.yaml"
  say "the values: who signs what"
  grep -v '^ *[A-Za-z0-9+/=]*$' "$WORK/values.yaml" | indent
  install
  show kubectl --namespace "$SYSTEM" get pods --output wide
  show kubectl --namespace "$SYSTEM" get trust

  step 4 "What nobody signed is denied"
  show_denied kubectl run unsigned --image "$WEB:unsigned"

  step 5 "What is signed runs, pinned to its digest"
  show_running signed

  step 6 "Stop the Notary server"
  "$CLUSTER" stop "$DIRECTORY" notary-server
  ! inside curl -sS "$NOTARY_URL/v2/" >"$WORK/last" 2>&1 || fail "the Notary server still answers"
  say "$(sed 's/ after [0-9]* ms//' "$WORK/last")"
  show_running offline
  show_denied kubectl run unsigned --image "$WEB:unsigned"
  say ""
  say "done: what was signed runs, pinned to its digest; what was not signed does not"
}

clean_up() {
  local status=$?
  if [ "$status" -ne 0 ] && [ -n "${DIRECTORY:-}" ]; then
    keep_logs "$WORK/failed"
    KEEP=1
  fi
  end_lab || status=1
  if [ -n "${KEEP:-}" ]; then
    say "left behind: $WORK"
  else
    rm -rf "$WORK"
  fi
  exit "$status"
}

# From the network that the nodes and everything on them are in.
show_gap() {
  ! show inside ip route get 192.0.2.1 || fail "the cluster has a way out"
}

publish_images() {
  WEB=$REGISTRY/team/web
  push_app team/web unsigned 2
  say "pushed, not signed  $WEB:unsigned"
  push_app team/web signed 1
  SIGNED_DIGEST=$IMAGE_DIGEST
  sign_like_docker_trust "$WEB" alice signed "$IMAGE_DIGEST" "$IMAGE_SIZE"
  say "pushed, and signed as docker trust does  $WEB:signed"
  say "                                         $SIGNED_DIGEST"
}

install() {
  local values=(--values "$CHART/values-cluster.yaml" --values "$WORK/values.yaml")
  say ""
  say "\$ helm install $RELEASE charts/vouchsafe --namespace $SYSTEM --values values-cluster.yaml --values values.yaml"
  install_chart "${values[@]}"
  # A moment after they are made.
  for _ in {1..50}; do
    ! is_announced || break
    sleep 0.2
  done
}

show_denied() { # COMMAND…
  ! show "$@" || fail "it was admitted"
  grep -q 'vouchsafe.dev" denied the request' "$WORK/shown" || fail "it was not the webhook that denied it"
}

show_running() { # NAME
  show kubectl run "$1" --image "$WEB:signed"
  kubectl wait --for=condition=Ready "pod/$1" --timeout 60s >"$WORK/last"
  show kubectl get pod "$1" --output 'jsonpath={.spec.containers[0].image}{"\n"}{.status.containerStatuses[0].imageID}{"\n"}'
  [ "$(sed -n 1p "$WORK/shown")" = "$WEB:signed@$SIGNED_DIGEST" ] || fail "it is not pinned to its digest"
  [[ $(sed -n 2p "$WORK/shown") == *"@$SIGNED_DIGEST" ]] || fail "containerd runs another image"
  show kubectl logs "$1"
}

# Says a command as it is typed in the cluster, and what it says, which is in $WORK/shown then.
show() { # COMMAND…
  local line="\$ $*" status=0
  say ""
  say "${line/#\$ inside /\$ }"
  "$@" >"$WORK/shown" 2>&1 || status=$?
  indent <"$WORK/shown"
  return "$status"
}

fail() {
  printf 'cluster-demo.sh: %s\n' "$*" >&2
  exit 1
}

main "$@"
