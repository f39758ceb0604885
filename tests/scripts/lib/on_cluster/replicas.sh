# shellcheck shell=bash
# Asks each replica by itself, where a Service would choose one. Sourced; needs lib/lab.sh, lib/narration.sh.

# Waits until all replicas that there are to be are ready.
await_replicas() {
  kubectl --namespace "$SYSTEM" rollout status "deployment/$RELEASE" --timeout 120s
}

# What every replica makes of an image in a Pod, one line for each: the image that it is replaced by, or why it is denied.
answers() { # IMAGE
  local address
  announced_authorities >"$WORK/authorities.pem"
  pod "$1" | review_of >"$WORK/review.json"
  for address in $(replicas '{.status.podIP}'); do
    inside curl -sS --max-time 5 --cacert "$WORK/authorities.pem" -H 'Content-Type: application/json' \
      --data-binary "@$WORK/review.json" --resolve "$RELEASE.$SYSTEM.svc:8443:$address" \
      "https://$RELEASE.$SYSTEM.svc:8443/mutate" |
      jq -r '.response | if .allowed then (.patch // "W10=" | @base64d | fromjson | map(.value | strings)[0] // "unchanged")
        else .status.message end'
  done
}

# Whether all of them, and as many as there are to be, say this.
all_answer() { # IMAGE EXPECTED
  local found expected
  expected=$(kubectl --namespace "$SYSTEM" get "deployment/$RELEASE" --output 'jsonpath={.spec.replicas}')
  found=$(answers "$1")
  printf '%s\n' "$found"
  [ "$(grep -cF -- "$2" <<<"$found")" -eq "$expected" ] && [ "$(wc -l <<<"$found")" -eq "$expected" ]
}

announced_authorities() {
  kubectl get validatingwebhookconfiguration "$RELEASE" --output 'jsonpath={.webhooks[0].clientConfig.caBundle}' | base64 -d
}

# Whether each of them has a line in its metrics that is like this.
all_count() { # PATTERN
  local address
  for address in $(replicas '{.status.podIP}'); do
    inside curl -fsS --max-time 5 "http://$address:8080/metrics" | grep -E -- "$1" || return 1
  done
}
