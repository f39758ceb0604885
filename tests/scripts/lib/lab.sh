# shellcheck shell=bash
# A cluster with everything that Vouchsafe meets in one: a registry, a Notary server, a publisher who pushes and signs, and
# the chart installed with helm. Sourced by what tests and shows it there; works in $WORK. Needs $HERE, fail and
# lib/publisher.sh, lib/go.sh, lib/tool.sh, lib/cluster/names.sh, lib/cluster/images.sh.

CLUSTER=$HERE/cluster.sh
CHART=$HERE/../../charts/vouchsafe
RELEASE=vouchsafe
SYSTEM=vouchsafe # the namespace of the release
REGISTRY=registry.test:5000
NOTARY_URL=https://notary.test:4443

# Every program of the cluster's runs in there, and so do the publisher's: nothing else reaches the servers.
inside() { "$CLUSTER" exec "$DIRECTORY" "$@"; } # COMMAND…
kubectl() { inside kubectl "$@"; }
helm() { inside helm "$@"; }
notary() { inside notary "$@"; }

make_lab() { # NODES
  DIRECTORY=$WORK/cluster
  "$CLUSTER" build >"$WORK/programs.log"
  "$CLUSTER" up "$DIRECTORY" "$1" >"$WORK/up.log"
  "$CLUSTER" registry "$DIRECTORY" >>"$WORK/up.log"
  "$CLUSTER" notary "$DIRECTORY" >>"$WORK/up.log"
  # Where lib/publisher.sh looks for the authority of the Notary server.
  ln -sfn "$DIRECTORY/pki" "$WORK/tls"
}

end_lab() {
  [ -z "${DIRECTORY:-}" ] || "$CLUSTER" down "$DIRECTORY"
}

# Sets ARCHIVE to the image: the one that VOUCHSAFE_IMAGE_ARCHIVE names, or one built now; and VOUCHSAFE_DIGEST to its digest
# in the registry.
push_vouchsafe() {
  local pushed
  ARCHIVE=${VOUCHSAFE_IMAGE_ARCHIVE:-}
  [ -n "$ARCHIVE" ] || ARCHIVE=$("$HERE/../../scripts/image.sh" build | sed -n 1p)
  [ -f "$ARCHIVE" ] || fail "there is no image: ${ARCHIVE:-scripts/image.sh build said nothing}"
  pushed=$("$CLUSTER" push "$DIRECTORY" "$ARCHIVE" vouchsafe/vouchsafe:test)
  VOUCHSAFE_DIGEST=${pushed#*@}
}

# An image that serves HTTP; versions differ in nothing but their digest. Sets IMAGE_DIGEST and IMAGE_SIZE.
push_app() { # REPOSITORY TAG VERSION
  local archive=$WORK/app-$3.tar
  [ -f "$archive" ] || make_image_archive "$DIRECTORY/bin/probe" '["serve"]' "$archive" "$3"
  "$CLUSTER" push "$DIRECTORY" "$archive" "$1:$2" >>"$WORK/push.log"
  IMAGE_DIGEST=$(archive_digest "$archive")
  IMAGE_SIZE=$(tar -xOf "$archive" index.json | jq '.manifests[0].size')
}

sign() { # REPOSITORY TAG DIGEST SIZE
  if [ -d "$WORK/publisher/tuf/$REGISTRY/$1" ]; then
    publisher addhash "$REGISTRY/$1" "$2" "$4" --sha256 "${3#sha256:}" --publish
  else
    sign_in_targets "$REGISTRY/$1" "$2" "$3" "$4"
  fi
}

# What an operator writes. The schedule never comes: tests say when to sync.
write_values() { # FILE
  cat >"$1" <<YAML
image: {registry: "$REGISTRY", repository: vouchsafe/vouchsafe, digest: "$VOUCHSAFE_DIGEST"}
application:
  validators:
  - name: default
    type: notaryv1
    host: ${NOTARY_URL#https://}
    cert: |
$(sed 's/^/      /' "$WORK/tls/ca.crt")
    trustRoots:
    - name: default
      key: |
$(publisher_root_key | sed 's/^/        /')
  - {name: allow, type: static, approve: true}
  policy:
  - {pattern: "$REGISTRY/team/*", validator: default}
  - {pattern: "$REGISTRY/tools/*", validator: allow, namespaces: [ops]}
config:
  sync: {schedule: "0 0 29 2 *"}
tests: {signedImage: "$REGISTRY/team/web:signed"}
YAML
}

install_chart() { # VALUES…
  kubectl create namespace "$SYSTEM" >>"$WORK/install.log"
  kubectl label namespace "$SYSTEM" pod-security.kubernetes.io/enforce=restricted >>"$WORK/install.log"
  helm install "$RELEASE" "$CHART" --namespace "$SYSTEM" "$@" --wait --timeout 4m >>"$WORK/install.log"
}

# Whether both configurations say whom to trust.
is_announced() {
  local kind
  for kind in mutating validating; do
    [ -n "$(kubectl get "${kind}webhookconfiguration" "$RELEASE" --output 'jsonpath={.webhooks[0].clientConfig.caBundle}')" ] || return 1
  done
}

# Runs the CronJob now, and waits until it did its work.
sync_now() {
  local job=sync-$RANDOM$RANDOM
  kubectl --namespace "$SYSTEM" create job --from="cronjob/$RELEASE-sync" "$job" >>"$WORK/sync.log"
  kubectl --namespace "$SYSTEM" wait --for=condition=Complete "job/$job" --timeout 60s >>"$WORK/sync.log"
}

replicas() { # JSONPATH
  kubectl --namespace "$SYSTEM" get pods --selector "app.kubernetes.io/component=webhook" \
    --field-selector status.phase=Running --output "jsonpath={range .items[*]}$1{\"\n\"}{end}"
}

# Where a cluster was, what everybody said goes with it.
keep_logs() { # INTO
  local pod
  mkdir -p "$1"
  kubectl get pods --all-namespaces --output wide >"$1/pods.txt" 2>&1 || return 0
  kubectl get events --all-namespaces --sort-by .lastTimestamp >"$1/events.txt" 2>&1 || true
  for pod in $(kubectl --namespace "$SYSTEM" get pods --output name); do
    kubectl --namespace "$SYSTEM" logs --all-containers "$pod" >"$1/${pod#pod/}.log" 2>&1 || true
  done
  cp "$DIRECTORY"/*.log "$1"
}
