# shellcheck shell=bash
# What runs is judged again, and looked for. Sourced.

test_withdrawn() {
  define_reports
  push_app team/gone signed 1
  sign team/gone signed "$IMAGE_DIGEST" "$IMAGE_SIZE"
  sync_now
  eventually "the repository reaches every replica" 10 all_answer "$REGISTRY/team/gone:signed" "@$IMAGE_DIGEST"
  kubectl create namespace gone >"$WORK/last"
  holds "a signed Pod is admitted" kubectl --namespace gone run gone --image "$REGISTRY/team/gone:signed"
  holds "it runs" kubectl --namespace gone wait --for=condition=Ready pod/gone --timeout 30s
  eventually "a PolicyReport says that it would be admitted" 90 reported pass
  publisher remove "$REGISTRY/team/gone" signed --publish
  holds "a Job of the CronJob hears that it is not signed any more" sync_now
  eventually "the PolicyReport says that it would be denied" 60 reported fail
  eventually "every replica counts it" 60 all_count '^vouchsafe_running_pods\{verdict="untrusted"\} [1-9]'
  equals "it goes on running" "$(kubectl --namespace gone get pod gone --output 'jsonpath={.status.phase}')" Running
}

# As wg-policy-prototypes has it, without the schema.
define_reports() {
  kubectl apply --filename - >"$WORK/last" <<'YAML'
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: policyreports.wgpolicyk8s.io}
spec:
  group: wgpolicyk8s.io
  scope: Namespaced
  names: {kind: PolicyReport, plural: policyreports, singular: policyreport, listKind: PolicyReportList}
  versions:
  - {name: v1alpha2, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
YAML
}

reported() { # RESULT
  kubectl --namespace gone get policyreport vouchsafe --output json | tee "$WORK/last" |
    jq -e --arg result "$1" '.results | length == 1 and .[0].resources[0].name == "gone" and .[0].result == $result'
}

# In a namespace that admission does not look at, since elsewhere nothing of an unknown repository is admitted.
test_discovered() {
  push_app team/found signed 3
  sign team/found signed "$IMAGE_DIGEST" "$IMAGE_SIZE"
  upgrade --set config.sync.discover.changefeed=false --set config.sync.discover.cluster=true
  holds "a Job of the CronJob syncs without a changefeed" sync_now
  holds "what nothing names is not looked for" is_not_listed "$REGISTRY/team/found"
  kubectl --namespace kube-system create deployment found --image "$REGISTRY/team/found:signed" --replicas 0 >"$WORK/last"
  holds "a Job of the CronJob syncs what a Deployment names" sync_now
  eventually "kubectl get trust shows it" 10 is_listed "$REGISTRY/team/found Fresh 1"
  holds "a Pod of it is admitted" kubectl --namespace shop run found --image "$REGISTRY/team/found:signed"
}

is_not_listed() { # GUN
  ! trust | grep -qF "$1 "
}
