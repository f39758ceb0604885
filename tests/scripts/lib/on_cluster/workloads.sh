# shellcheck shell=bash
# What is judged besides a Pod that is made: what controllers make of an older one, containers that come later, rules that
# hold in one namespace. Sourced.

# What is scaled runs what it ran, although the tag is another image's by now.
test_scaled() {
  local first
  push_app team/api stable 1
  first=$REGISTRY/team/api:stable@$IMAGE_DIGEST
  sign team/api stable "$IMAGE_DIGEST" "$IMAGE_SIZE"
  sync_now
  eventually "the repository reaches every replica" 10 all_answer "$REGISTRY/team/api:stable" "$first"
  kubectl --namespace shop create deployment api --image "$REGISTRY/team/api:stable" --replicas 1 >"$WORK/last"
  holds "a Deployment rolls out" kubectl --namespace shop rollout status deployment/api --timeout 60s
  push_app team/api stable 3
  sign team/api stable "$IMAGE_DIGEST" "$IMAGE_SIZE"
  sync_now
  eventually "its tag moves on" 10 all_answer "$REGISTRY/team/api:stable" "@$IMAGE_DIGEST"
  denied "a Pod of what the tag was is denied" "$REGISTRY/team/api" kubectl --namespace shop run old --image "$first"
  holds "the Deployment is scaled up" kubectl --namespace shop scale deployment/api --replicas 4
  holds "its new Pods run" kubectl --namespace shop rollout status deployment/api --timeout 60s
  equals "all run the image that it had" "$(images_of api)" "$first"
  holds "it is scaled down" kubectl --namespace shop scale deployment/api --replicas 1
  eventually "one Pod is left" 60 pods_of api 1
  holds "a Pod that is deleted is made again" kubectl --namespace shop delete pod --selector app=api
  holds "and runs" kubectl --namespace shop rollout status deployment/api --timeout 60s
  holds "the tag is taken anew" kubectl --namespace shop set image deployment/api "api=$REGISTRY/team/api:stable"
  holds "the Deployment rolls out again" kubectl --namespace shop rollout status deployment/api --timeout 60s
  contains "with what is signed now" "$(kubectl --namespace shop get deployment api --output jsonpath='{.spec.template.spec.containers[0].image}')" "@$IMAGE_DIGEST"
}

pods_of() { # APP COUNT
  [ "$(kubectl --namespace shop get pods --selector "app=$1" --output name | wc -l)" -eq "$2" ]
}

test_ephemeral_container() {
  denied "kubectl debug with an unsigned image is denied" "it is not signed" \
    kubectl --namespace shop debug signed --image "$REGISTRY/team/load:unsigned" --container late --attach=false --profile general
  holds "with a signed one it is admitted" \
    kubectl --namespace shop debug signed --image "$REGISTRY/team/load:signed" --container late --attach=false --profile general -- /probe sleep
  eventually "the container runs" 30 ephemeral_container_runs
  contains "pinned to its digest" "$(kubectl --namespace shop get pod signed --output 'jsonpath={.spec.ephemeralContainers[0].image}')" \
    "$REGISTRY/team/load:signed@$(archive_digest "$WORK/app-1.tar")"
}

ephemeral_container_runs() {
  kubectl --namespace shop get pod signed --output 'jsonpath={.status.ephemeralContainerStatuses[0].state.running.startedAt}' | grep -q .
}

# lib/lab.sh has the rule.
test_namespaced_rule() {
  push_app tools/probe 1 2
  kubectl create namespace ops >"$WORK/last"
  holds "in the namespace of the rule, its images are admitted" kubectl --namespace ops run tool --image "$REGISTRY/tools/probe:1"
  holds "and run" kubectl --namespace ops wait --for=condition=Ready pod/tool --timeout 30s
  denied "in others they are denied" "no rule of the policy matches" kubectl --namespace shop run tool --image "$REGISTRY/tools/probe:1"
  denied "what the rule is not about is denied there, too" "it is not signed" \
    kubectl --namespace ops run unsigned --image "$REGISTRY/team/load:unsigned"
}
