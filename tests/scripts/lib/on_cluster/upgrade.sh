# shellcheck shell=bash
# The next version of the chart, and its end. Sourced.

upgrade() { # OPTION…
  helm upgrade "$RELEASE" "$CHART" --namespace "$SYSTEM" --values "$CHART/values-cluster.yaml" --values "$WORK/values.yaml" "$@" \
    --wait --timeout 4m >"$WORK/last"
}

# To this chart as its next version, with Pods that are replaced.
test_upgrade() {
  local before announced
  before=$(trust_versions) announced=$(announced_authorities)
  rm -rf "$WORK/next"
  cp -r "$CHART" "$WORK/next"
  sed -i 's/^version: .*/version: 999.0.0/' "$WORK/next/Chart.yaml"
  # A call that is on its way when a replica that ends closes the connection fails, rarely.
  under_load 2 upgrade_to_next
  equals "helm knows the next version" \
    "$(helm list --namespace "$SYSTEM" --output json | jq -r '.[0] | .chart + " " + .revision + " " + .status')" "vouchsafe-999.0.0 2 deployed"
  equals "the objects are those of before" "$(trust_versions)" "$before"
  equals "so is whom the API server trusts" "$(announced_authorities)" "$announced"
  holds "every replica knows what is signed" all_answer "$REGISTRY/team/load:signed" "@$(archive_digest "$WORK/app-1.tar")"
  holds "helm test passes" helm test "$RELEASE" --namespace "$SYSTEM"
  equals "the webhook configurations are the release's" "$(helm get manifest "$RELEASE" --namespace "$SYSTEM" | grep -c 'WebhookConfiguration$')" 2
}

upgrade_to_next() {
  CHART=$WORK/next upgrade --set podAnnotations.upgraded=yes
}

# Names and identities; the status goes on being written.
trust_versions() {
  kubectl --namespace "$SYSTEM" get trust --output 'jsonpath={range .items[*]}{.metadata.name} {.metadata.uid} {.metadata.generation}{"\n"}{end}'
}

test_uninstall() {
  local before
  before=$(trust_versions)
  holds "helm uninstalls the chart" helm uninstall "$RELEASE" --namespace "$SYSTEM" --wait --timeout 2m
  equals "no webhook configuration is left" \
    "$(kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations --output name)" ""
  equals "the objects are kept" "$(trust_versions)" "$before"
  holds "nobody is asked any more" kubectl --namespace shop run unlooked --image "$REGISTRY/team/load:unsigned"
  eventually "no Pod, role or account is left" 60 nothing_is_left
}

nothing_is_left() {
  kubectl get pods,serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings --all-namespaces \
    --selector "app.kubernetes.io/instance=$RELEASE" --output name | tee "$WORK/left"
  [ ! -s "$WORK/left" ]
}
