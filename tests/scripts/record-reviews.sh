#!/usr/bin/env bash
# Records the AdmissionReviews that a real API server sends: every kind of workload, created, changed and deleted in the
# ways that users, controllers and kubectl do it. Writes them to webhook/fixtures, in place of those that are there.
#
#   usage: record-reviews.sh
#   env:   as of kubernetes.sh; KEEP=1 leaves the working directory behind and says where it is
#
# Recording again gives the same files; see lib/recorder.py for what is made the same.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
FIXTURES=$HERE/../../webhook/fixtures
NAMESPACE=shop-prod

# shellcheck source=tests/scripts/lib/servers.sh
. "$HERE/lib/servers.sh"
# shellcheck source=tests/scripts/lib/workloads.sh
. "$HERE/lib/workloads.sh"

main() {
  "$HERE/install.sh" curl jq openssl python3
  ASSETS=$("$HERE/kubernetes.sh" build)
  WORK=$(mktemp -d "${TMPDIR:-/tmp}/vouchsafe-reviews.XXXXXX")
  trap clean_up EXIT
  trap 'exit 130' INT TERM

  KUBECONFIG=$("$HERE/kubernetes.sh" start "$WORK/cluster")
  export KUBECONFIG
  start_recorder
  make_surroundings
  register_recorder

  record_pods
  record_subresources
  record_templates
  record_jobs
  record_others
  record_deletions
  keep_reviews
}

clean_up() {
  local status=$?
  stop_all
  "$HERE/kubernetes.sh" stop "$WORK/cluster"
  if [ -n "${KEEP:-}" ]; then echo "left behind: $WORK"; else rm -rf "$WORK"; fi
  exit "$status"
}

fail() {
  printf 'record-reviews.sh: %s\n' "$*" >&2
  exit 1
}

kube() { "$ASSETS/kubectl" --namespace "$NAMESPACE" "$@"; }

start_recorder() {
  local port
  port=$(free_port)
  RECORDER=https://localhost:$port
  REVIEWS=$WORK/reviews
  mkdir "$REVIEWS"
  : >"$REVIEWS/label"
  make_certificates
  start recorder python3 "$HERE/lib/recorder.py" "$port" "$WORK/tls/leaf.crt" "$WORK/tls/leaf.key" "$REVIEWS"
  wait_for recorder bash -c ": </dev/tcp/127.0.0.1/$port"
}

# What a controller manager would have made, and a kind of object that only shares its name with a workload.
make_surroundings() {
  "$ASSETS/kubectl" create namespace "$NAMESPACE"
  kube create serviceaccount default
  custom_pod_definition | "$ASSETS/kubectl" create -f -
  "$ASSETS/kubectl" wait --for=condition=Established crd/pods.example.com
} >"$WORK/surroundings.log"

# Both kinds of webhook, for every namespaced object and all its subresources.
register_recorder() {
  local kind
  for kind in Mutating Validating; do
    jq -n --arg kind "${kind}WebhookConfiguration" --arg url "$RECORDER/$(path_of "$kind")" --arg namespace "$NAMESPACE" \
      --arg authority "$(base64 -w0 "$WORK/tls/ca.crt")" '{apiVersion: "admissionregistration.k8s.io/v1", $kind,
      metadata: {name: "recorder"}, webhooks: [{name: "recorder.example.com", admissionReviewVersions: ["v1"],
        sideEffects: "None", failurePolicy: "Fail", clientConfig: {$url, caBundle: $authority},
        namespaceSelector: {matchLabels: {"kubernetes.io/metadata.name": $namespace}},
        rules: [{apiGroups: ["*"], apiVersions: ["*"], resources: ["*/*"], operations: ["*"], scope: "Namespaced"}]}]}' |
      "$ASSETS/kubectl" create -f - >"$WORK/register.log"
  done
  echo probe >"$REVIEWS/label"
  # A new configuration takes effect a moment after it is stored.
  until [ -e "$REVIEWS/probe.mutate.json" ] && [ -e "$REVIEWS/probe.validate.json" ]; do
    kube create configmap probe --dry-run=server >"$WORK/probe.log"
    sleep 0.1
  done
  : >"$REVIEWS/label"
  rm "$REVIEWS"/probe*.json
}

path_of() { case $1 in Mutating) echo mutate ;; *) echo validate ;; esac; }

# Runs a command that has the API server send one review, stdin being the command's.
record() { # LABEL COMMAND…
  local label=$1
  shift
  # Each in a second of its own: the API server orders an object's managers by the second, then by name.
  sleep "$(jq -n '1 - (now - (now | floor))')"
  echo "$label" >"$REVIEWS/label"
  "$@" >"$WORK/command.log" 2>&1 || fail "$label: $(cat "$WORK/command.log")"
  : >"$REVIEWS/label"
  [ -e "$REVIEWS/$label.mutate.json" ] || fail "$label: no review came"
}

# For what cannot succeed without a node, after the review.
failing() { ! "$@"; }

post() { # PATH, below the namespace
  kube create --raw "/api/v1/namespaces/$NAMESPACE/$1" -f -
}

record_pods() {
  pod shop >"$WORK/pod.json"
  record pod-create kube apply -f "$WORK/pod.json"
  record pod-create-dry-run kube create --dry-run=server -f <(pod another)
  record pod-create-generated kube create -f <(generated_pod)
  record pod-create-server-side-apply kube apply --server-side -f <(pod applied)
  record pod-create-from-list kube apply -f <(list_of "$(pod listed)")
  record pod-update kube set image pod/shop app=registry.example.com/shop/app:1.5.0
  record pod-update-labels kube label pod/shop tier=front
  record pod-update-server-side-apply kube apply --server-side -f <(pod applied | with_app 1.5.0)
}

record_subresources() {
  record pod-update-ephemeral-containers kube debug pod/shop --image=registry.example.com/tools/debug:2 \
    --container=debugger --attach=false --profile=general -- sleep 3600
  record pod-update-resize kube patch pod/shop --subresource=resize \
    -p '{"spec": {"containers": [{"name": "app", "resources": {"requests": {"cpu": "150m"}}}]}}'
  record pod-update-status kube patch pod/shop --subresource=status \
    -p '{"status": {"conditions": [{"type": "example.com/Ready", "status": "True"}]}}'
  record pod-create-binding post pods/listed/binding < <(binding listed)
  record pod-create-eviction post pods/applied/eviction < <(eviction applied)
  record pod-connect-exec failing kube exec shop --container app -- true
  record pod-connect-proxy failing kube get --raw "/api/v1/namespaces/$NAMESPACE/pods/shop/proxy/"
}

# Kinds with a template of Pods that may change.
record_templates() {
  local kind
  for kind in Deployment ReplicaSet ReplicationController DaemonSet StatefulSet; do
    record "${kind,,}-create" kube apply -f <(templated "$kind")
    record "${kind,,}-update" kube set image "${kind,,}/shop" app=registry.example.com/shop/app:1.5.0
    [ "$kind" = DaemonSet ] || record "${kind,,}-update-scale" kube scale "${kind,,}/shop" --replicas=3
  done
  record deployment-update-status kube patch deployment/shop --subresource=status -p '{"status": {"observedGeneration": 1}}'
  record podtemplate-create kube apply -f <(pod_template)
  record podtemplate-update kube apply -f <(pod_template | with_app 1.5.0)
  # What the controller of ReplicaSets does, as itself.
  owned_pod "$(kube get replicaset shop -o jsonpath='{.metadata.uid}')" >"$WORK/owned.json"
  record pod-create-owned kube create --as=system:serviceaccount:kube-system:replicaset-controller \
    --as-group=system:serviceaccounts --as-group=system:serviceaccounts:kube-system \
    --raw "/api/v1/namespaces/$NAMESPACE/pods" -f "$WORK/owned.json"
}

record_jobs() {
  record job-create kube create -f <(job)
  # The template of a Job cannot change any more.
  record job-update kube patch job/report -p '{"spec": {"parallelism": 2}}'
  record cronjob-create kube create -f <(cron_job)
  record cronjob-update kube set image cronjob/report report=registry.example.com/shop/report:4
}

record_others() {
  record configmap-create kube create configmap settings --from-literal=a=b
  record custom-pod-create kube create -f <(custom_pod)
}

record_deletions() {
  local kind
  kube create -f <(pod held | jq '.metadata.finalizers = ["example.com/drain"]') >"$WORK/held.log"
  record pod-delete kube delete pod/shop --wait=false
  kube delete pod/held --wait=false >>"$WORK/held.log"
  record pod-update-finalizer kube patch pod/held --type=merge -p '{"metadata": {"finalizers": null}}'
  for kind in deployment replicaset replicationcontroller daemonset statefulset podtemplate; do
    record "$kind-delete" kube delete "$kind/shop" --wait=false --cascade=orphan
  done
  record job-delete kube delete job/report --wait=false
  record cronjob-delete kube delete cronjob/report --wait=false
  record pod-delete-collection kube delete --raw "/api/v1/namespaces/$NAMESPACE/pods?labelSelector=app.kubernetes.io%2Fname%3Dgenerated"
}

# NAME.json as the mutating webhook is sent it; NAME.validate.json where the validating one is sent another.
keep_reviews() {
  local mutate validate label
  rm -f "$FIXTURES"/*.json
  for mutate in "$REVIEWS"/*.mutate.json; do
    label=$(basename "$mutate" .mutate.json)
    validate=$REVIEWS/$label.validate.json
    cp "$mutate" "$FIXTURES/$label.json"
    if [ -e "$validate" ] && ! cmp -s "$mutate" "$validate"; then cp "$validate" "$FIXTURES/"; fi
  done
  echo "recorded $(find "$FIXTURES" -name '*.json' | wc -l) reviews of $("$ASSETS/kube-apiserver" --version)"
}

main "$@"
