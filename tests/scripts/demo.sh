#!/usr/bin/env bash
# The walk-through: a real Notary server and a real registry on loopback, two signed
# repositories, one sync, the Notary server stopped, and admission answered regardless.
#
#   usage: demo.sh [VOUCHSAFE]      the binary; without it, the release build of this tree
#   env:   KEEP=1                   leaves the working directory behind and says where it is
#
# Everything lives in a temporary directory and on free ports, and is gone afterwards.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
REPOSITORY=$(cd "$HERE/../.." && pwd)

# shellcheck source=tests/scripts/lib/publisher.sh
. "$HERE/lib/publisher.sh"
# shellcheck source=tests/scripts/lib/servers.sh
. "$HERE/lib/servers.sh"
# shellcheck source=tests/scripts/lib/narration.sh
. "$HERE/lib/narration.sh"

main() {
  "$HERE/install.sh"
  VOUCHSAFE=${1:-$(built_binary)}
  WORK=$(mktemp -d "${TMPDIR:-/tmp}/vouchsafe-demo.XXXXXX")
  trap clean_up EXIT
  trap 'exit 130' INT TERM

  step 1 "A Notary server, a registry, two repositories"
  start_everything
  publish_images

  step 2 "Pin the publisher's root key"
  pin_root_key
  write_configuration

  step 3 "Sync: fetch and verify everything the policy can select"
  run "$VOUCHSAFE" sync "${FLAGS[@]}"

  step 4 "Stop the Notary server"
  stop notary-server
  ! curl -fsS -o "$WORK/ping" --cacert "$WORK/tls/ca.crt" "$NOTARY_URL/v2/" 2>"$WORK/curl.log" ||
    fail "the Notary server still answers"
  say "$(sed 's/ after [0-9]* ms//' "$WORK/curl.log")"

  step 5 "Admission, with the Notary server down"
  start_webhook
  show_admission "$SIGNED" mutate
  show_validation
  show_admission "$PLAIN" mutate
  show_admission "$UNSIGNED" mutate
  show_commands
  show_latency
  say ""
  say "done: what was signed got in, pinned to its digest; what was not signed did not"
}

built_binary() {
  command -v cargo >/dev/null ||
    { echo "demo.sh: cargo not found: install Rust from https://rustup.rs, then run again" >&2; return 2; }
  (cd "$REPOSITORY" && cargo build --quiet --release --locked --package vouchsafe) >&2
  echo "$REPOSITORY/target/release/vouchsafe"
}

clean_up() {
  local status=$?
  stop_all
  if [ -n "${KEEP:-}" ]; then
    say "left behind: $WORK"
  else
    [ "$status" -eq 0 ] || show_logs >&2
    rm -rf "$WORK"
  fi
  exit "$status"
}

start_everything() {
  make_certificates
  start_notary_server
  start_registry
  say "notary-server  $NOTARY_URL"
  say "registry       http://$REGISTRY"
}

publish_images() {
  WEB=$REGISTRY/demo/web
  TOOLS=$REGISTRY/demo/tools
  SIGNED=$WEB:signed UNSIGNED=$WEB:unsigned PLAIN=$TOOLS:1.0

  push_image demo/web signed "the image that alice signed"
  sign_like_docker_trust "$WEB" alice signed "$IMAGE_DIGEST" "$IMAGE_SIZE"
  SIGNED_DIGEST=$IMAGE_DIGEST
  say "pushed and signed as docker trust does (targets/releases, targets/alice)  $SIGNED"

  push_image demo/web unsigned "the image that nobody signed"
  say "pushed, not signed                                                        $UNSIGNED"

  push_image demo/tools 1.0 "an image signed by the repository's own key"
  sign_in_targets "$TOOLS" 1.0 "$IMAGE_DIGEST" "$IMAGE_SIZE"
  say "pushed and signed in targets                                              $PLAIN"
}

pin_root_key() {
  publisher_root_key >"$WORK/root.pub.pem"
  say "from the publisher's private key (openssl ec -pubout):"
  indent <"$WORK/root.pub.pem"
  say "from the server's metadata (vouchsafe root-key):"
  run "$VOUCHSAFE" root-key "$WEB" --server "$NOTARY_URL" --ca "$WORK/tls/ca.crt" | tee "$WORK/root-key.out"
  shown_key="$(sed -n '/-----BEGIN PUBLIC KEY-----/,/-----END PUBLIC KEY-----/p' "$WORK/root-key.out" | sed 's/^ *//')"
  [ "$shown_key" = "$(cat "$WORK/root.pub.pem")" ] || fail "the two keys differ"
  say "the two are the same key"
}

write_configuration() {
  cat >"$WORK/config.yaml" <<YAML
validators:
- name: demo
  type: notaryv1
  host: ${NOTARY_URL#https://}
  cert: |
$(sed 's/^/    /' "$WORK/tls/ca.crt")
  trustRoots:
  - name: default
    key: |
$(sed 's/^/      /' "$WORK/root.pub.pem")
  repositories: ["$WEB", "$TOOLS"]
policy:
- pattern: "$REGISTRY/demo/*"
  validator: demo
YAML
  FLAGS=(--config "$WORK/config.yaml" --store "$WORK/store")
  say "the configuration:"
  grep -v '^    [A-Za-z0-9+/=]*$' "$WORK/config.yaml" | indent
}

start_webhook() {
  local port metrics_port
  port=$(free_port) metrics_port=$(free_port)
  WEBHOOK=https://localhost:$port METRICS=http://127.0.0.1:$metrics_port
  start vouchsafe "$VOUCHSAFE" serve "${FLAGS[@]}" --listen "127.0.0.1:$port" --metrics-listen "127.0.0.1:$metrics_port" \
    --tls-cert "$WORK/tls/leaf.crt" --tls-key "$WORK/tls/leaf.key"
  wait_for vouchsafe curl -fsS -o "$WORK/ready" "$METRICS/ready"
  say "vouchsafe serve  $WEBHOOK"
}

# Asks the webhook about a Pod with this image; prints the answer and checks that it is the expected one.
show_admission() { # IMAGE mutate|validate
  say ""
  say "AdmissionReview of a Pod with $1, POST /$2"
  pod "$1" | review_of >"$WORK/review.json"
  ask "$2" >"$WORK/answer.json"
  jq '.response | if .patch then .patch |= (@base64d | fromjson) else . end' "$WORK/answer.json" | indent
  jq -r '.response.status.message // empty' "$WORK/answer.json"
  case $1 in
  "$UNSIGNED") expect '.response.allowed | not' "the unsigned image was admitted" ;;
  "$SIGNED")
    expect '.response.allowed' "the signed image was denied"
    expect ".response.patch | @base64d | fromjson | any(.value == \"$SIGNED@$SIGNED_DIGEST\")" "the image was not pinned to its digest"
    ;;
  *) expect '.response.allowed' "a signed image was denied" ;;
  esac
}

# The object as the patch left it, before the validating endpoint.
show_validation() {
  say ""
  say "the same Pod after the patch, POST /validate"
  pod "$SIGNED@$SIGNED_DIGEST" | review_of >"$WORK/review.json"
  ask validate >"$WORK/answer.json"
  jq .response "$WORK/answer.json" | indent
  expect '.response.allowed' "the pinned image was denied"
}

show_commands() {
  say ""
  pod "$UNSIGNED" >"$WORK/pod.json"
  run "$VOUCHSAFE" check "$SIGNED" "$PLAIN" "${FLAGS[@]}"
  run_expecting 1 "$VOUCHSAFE" check "$UNSIGNED" "${FLAGS[@]}"
  run_expecting 1 "$VOUCHSAFE" review "$WORK/pod.json" "${FLAGS[@]}"
  run "$VOUCHSAFE" status "${FLAGS[@]}"
}

show_latency() {
  say ""
  say "500 more reviews over one connection, then what serve measured of itself ($METRICS/metrics):"
  pod "$SIGNED" | review_of >"$WORK/review.json"
  ask "mutate?n=[1-500]" >"$WORK/answers.json"
  curl -fsS "$METRICS/metrics" | latency_summary | indent
}

main "$@"
