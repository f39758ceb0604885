#!/usr/bin/env bash
# Vouchsafe in a real cluster of two nodes that has no route out: installed with helm, fed by its CronJob from a real Notary
# server, asked by a real API server about Pods that then really run. One cluster for all tests, gone afterwards.
#
#   usage: cluster-test.sh [TEST…]   all of them, or `install` and those named, in this order:
TESTS=(install pods rollout sync load scaled ephemeral_container namespaced_rule withdrawn
  replica_deleted replica_killed node_drained api_server_restarted objects_deleted certificate_rotated upgrade bundle
  discovered thousand_deployments outage empty_disks uninstall air_gap)
#   env:   VOUCHSAFE_IMAGE_ARCHIVE   an OCI archive of the image; without it, it is built, which takes minutes
#          KEEP=1                    leaves the working directory with the logs behind, also where all is well
#          those of cluster.sh
#
# Status 1 where anything does not hold. Runs as root.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

for library in go tool narration publisher cluster/names cluster/images lab \
  on_cluster/checks on_cluster/replicas on_cluster/install on_cluster/sync on_cluster/disruption \
  on_cluster/workloads on_cluster/running on_cluster/scale on_cluster/outage on_cluster/upgrade \
  on_cluster/air_gap; do
  # shellcheck disable=SC1090 # each is checked by itself
  . "$HERE/lib/$library.sh"
done

main() {
  local chosen
  chosen=$(choose "$@")
  WORK=$(mktemp -d "${TMPDIR:-/tmp}/vouchsafe-cluster-test.XXXXXX")
  trap clean_up EXIT
  trap 'exit 130' INT TERM
  "$HERE/install.sh"
  make_lab 2
  push_vouchsafe
  # shellcheck disable=SC2086 # names of tests
  run_tests $chosen
  say "$(wc -l <"$WORK/held") checks held in $(wc -w <<<"$chosen") tests, $FAILED of which failed"
  [ "$FAILED" -eq 0 ]
}

choose() { # TEST…
  local test
  [ "$#" -gt 0 ] || set -- "${TESTS[@]}"
  for test in "$@"; do
    [[ " ${TESTS[*]} " == *" $test "* ]] || { echo "there is no test $test; there are: ${TESTS[*]}" >&2 && exit 2; }
  done
  for test in "${TESTS[@]}"; do
    [ "$test" != install ] && [[ " $* " != *" $test "* ]] || printf '%s ' "$test"
  done
}

clean_up() {
  local status=$?
  end_lab || status=1
  if [ "$status" -ne 0 ] || [ -n "${KEEP:-}" ]; then
    say "left behind: $WORK"
  else
    rm -rf "$WORK"
  fi
  exit "$status"
}

fail() {
  printf 'cluster-test.sh: %s\n' "$*" >&2
  exit 1
}

main "$@"
