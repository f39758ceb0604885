# shellcheck shell=bash
# A thousand Deployments are rolled at once, on nodes that are simulated; what the API server measured of it. Sourced.

DEPLOYMENTS=1000

test_thousand_deployments() {
  "$CLUSTER" kwok "$DIRECTORY" 20
  kubectl create namespace scale >"$WORK/last"
  deployments | kubectl create --filename - >"$WORK/last"
  eventually "$DEPLOYMENTS signed Deployments are there" 600 rolled_out
  webhook_metrics >"$WORK/before.txt"
  holds "all are rolled at once" roll_at_once
  eventually "all are rolled" 600 rolled_out
  webhook_metrics >"$WORK/after.txt"
  webhook_figures "$WORK/before.txt" "$WORK/after.txt" | tee "$WORK/figures.txt"
  equals "the API server called both webhooks" "$(grep -cE '^(mutate|validate)\.vouchsafe\.dev' "$WORK/figures.txt")" 2
  at_least "calls while they were rolled" "$(awk '{ sum += $3 } END { print sum }' "$WORK/figures.txt")" $((DEPLOYMENTS * 6))
  equals "none was let through unasked, none was rejected" "$(awk '{ sum += $9 + $11 } END { print sum + 0 }' "$WORK/figures.txt")" 0
  at_most "seconds in which the API server had 99 % of the answers" "$(awk '$7 > most { most = $7 } END { print most }' "$WORK/figures.txt")" 1
  kubectl delete namespace scale --wait=false >"$WORK/last"
}

deployments() {
  jq -n --arg image "$REGISTRY/team/load:signed" --argjson count "$DEPLOYMENTS" '{apiVersion: "v1", kind: "List", items: [range($count) |
    "app-\(.)" as $name | {apiVersion: "apps/v1", kind: "Deployment", metadata: {name: $name, namespace: "scale"}, spec: {
      selector: {matchLabels: {app: $name}}, template: {metadata: {labels: {app: $name}}, spec: {
        nodeSelector: {type: "kwok"}, tolerations: [{key: "kwok.x-k8s.io/node", operator: "Exists"}],
        containers: [{name: "app", image: $image}]}}}}]}'
}

# As `kubectl rollout restart` does it, but a hundred at a time, where that takes a minute and a half.
roll_at_once() {
  credentials
  inside curl -sS --fail-early --fail -Z --parallel-max 100 -X PATCH -H 'Content-Type: application/strategic-merge-patch+json' \
    --cert "$WORK/credentials/client.crt" --key "$WORK/credentials/client.key" --cacert "$WORK/credentials/ca.crt" \
    --data '{"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}}}}}' \
    -o /dev/null "https://$NODE_ADDRESS:6443/apis/apps/v1/namespaces/scale/deployments/app-[0-$((DEPLOYMENTS - 1))]"
}

# In one request, where `kubectl rollout status` would watch each.
rolled_out() {
  kubectl --namespace scale get deployments --output json | jq -e --argjson count "$DEPLOYMENTS" '[.items[] | select(
    .status.observedGeneration == .metadata.generation and .status.updatedReplicas == 1 and .status.availableReplicas == 1 and
    .status.replicas == 1)] | length | if . == $count then . else error("\(.) are rolled out") end'
}

webhook_metrics() {
  kubectl get --raw /metrics | grep -E '^apiserver_admission_webhook_(admission_duration_seconds|rejection_count|fail_open_count)' |
    grep -F 'vouchsafe.dev"'
}

# For each webhook what came about between two of these: NAME calls N p50 S p99 S rejected N unasked N. Quantiles as
# Prometheus has them, by interpolation within a bucket.
webhook_figures() { # BEFORE AFTER
  awk '
    function label(text, key,    from) {
      if (!match(text, key "=\"[^\"]*\"")) return ""
      return substr(text, RSTART + length(key) + 2, RLENGTH - length(key) - 3)
    }
    function quantile(name, share,    i, rank, low, lower, upper) {
      rank = share * bucket[name, "+Inf"]; lower = 0; low = 0
      for (i = 1; i <= bounds; i++) {
        upper = bound[i]
        if (bucket[name, upper] >= rank) {
          if (upper == "+Inf") return lower
          return lower + (upper - lower) * (rank - low) / (bucket[name, upper] - low)
        }
        lower = upper; low = bucket[name, upper]
      }
    }
    {
      value = FNR == NR ? -$NF : $NF
      name = label($0, "name")
      if ($0 ~ /duration_seconds_bucket/) {
        le = label($0, "le")
        if (!(le in seen)) { seen[le]; bound[++bounds] = le }
        bucket[name, le] += value; names[name]
      }
      else if ($0 ~ /rejection_count/) rejected[name] += value
      else if ($0 ~ /fail_open_count/) unasked[name] += value
    }
    END {
      for (name in names)
        printf "%s calls %d p50 %.4f p99 %.4f rejected %d unasked %d\n", name, bucket[name, "+Inf"],
          quantile(name, 0.5), quantile(name, 0.99), rejected[name], unasked[name]
    }' "$1" "$2" | sort
}
