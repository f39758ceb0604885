# shellcheck shell=bash
# The chart is installed, what is signed runs, what is not does not. Sourced.

test_install() {
  push_app team/web unsigned 2
  push_app team/web signed 1
  sign team/web signed "$IMAGE_DIGEST" "$IMAGE_SIZE"
  write_values "$WORK/values.yaml"
  holds "helm installs the chart" install_chart --values "$CHART/values-cluster.yaml" --values "$WORK/values.yaml"
  equals "three replicas are ready" \
    "$(kubectl --namespace "$SYSTEM" get "deployment/$RELEASE" --output 'jsonpath={.status.readyReplicas}')" 3
  eventually "both webhook configurations say whom to trust" 10 is_announced
  equals "kubectl get trust shows the repository" "$(trust)" "$REGISTRY/team/web Fresh 1"
  holds "helm test passes" helm test "$RELEASE" --namespace "$SYSTEM"
  # For all tests.
  kubectl create namespace shop >"$WORK/last"
}

trust() {
  kubectl --namespace "$SYSTEM" get trust --no-headers | awk '{ print $2, $3, $4 }'
}

test_pods() {
  local digest
  digest=$(archive_digest "$WORK/app-1.tar")
  denied "an unsigned Pod is denied" "image $REGISTRY/team/web:unsigned ($REGISTRY/team/web): it is not signed" \
    kubectl --namespace shop run unsigned --image "$REGISTRY/team/web:unsigned"
  denied "so is one that no rule is about" "no rule of the policy matches" \
    kubectl --namespace shop run foreign --image quay.io/team/web:1
  holds "a signed Pod is admitted" kubectl --namespace shop run signed --image "$REGISTRY/team/web:signed"
  holds "it runs" kubectl --namespace shop wait --for=condition=Ready pod/signed --timeout 30s
  equals "its image is pinned to its digest" \
    "$(kubectl --namespace shop get pod signed --output 'jsonpath={.spec.containers[0].image}')" "$REGISTRY/team/web:signed@$digest"
  contains "containerd runs that digest" \
    "$(kubectl --namespace shop get pod signed --output 'jsonpath={.status.containerStatuses[0].imageID}')" "@$digest"
  contains "the container works" "$(kubectl --namespace shop logs signed)" "listening on"
  equals "no other Pod is there" "$(kubectl --namespace shop get pods --output name)" pod/signed
  holds "a dry run of a signed Pod is admitted" kubectl --namespace shop run dry --image "$REGISTRY/team/web:signed" --dry-run=server
  denied "a dry run of an unsigned one is denied" "it is not signed" \
    kubectl --namespace shop run dry --image "$REGISTRY/team/web:unsigned" --dry-run=server
}

test_rollout() {
  holds "a signed Deployment is admitted" kubectl --namespace shop create deployment web --image "$REGISTRY/team/web:signed" --replicas 4
  holds "it rolls out" kubectl --namespace shop rollout status deployment/web --timeout 60s
  equals "its Pods run the pinned image" "$(images_of web)" "$REGISTRY/team/web:signed@$(archive_digest "$WORK/app-1.tar")"
  denied "an unsigned Deployment is denied" "it is not signed" \
    kubectl --namespace shop create deployment unsigned --image "$REGISTRY/team/web:unsigned"
  denied "an update to an unsigned image is denied" "it is not signed" \
    kubectl --namespace shop set image deployment/web "web=$REGISTRY/team/web:unsigned"
  holds "a signed CronJob is admitted" kubectl --namespace shop create cronjob web --image "$REGISTRY/team/web:signed" --schedule '0 0 29 2 *'
}

# The different images of an application's Pods.
images_of() { # APP
  kubectl --namespace shop get pods --selector "app=$1" \
    --output 'jsonpath={range .items[*]}{.spec.containers[0].image}{"\n"}{end}' | sort -u
}
