# shellcheck shell=bash
# The topology without a Notary server: bundles come in, and nothing goes out. Sourced.

# While there still is a Notary server: what the connected side does, with the program of the image.
test_bundle() {
  unpack_program
  mkdir -p "$WORK/bundles"
  openssl genpkey -algorithm ed25519 -out "$WORK/courier.pem" 2>>"$WORK/openssl.log"
  openssl pkey -in "$WORK/courier.pem" -pubout -out "$WORK/courier.pub"
  kubectl --namespace "$SYSTEM" get configmap "$RELEASE" --output 'jsonpath={.data.config\.yaml}' >"$WORK/connected.yaml"
  holds "a bundle is made of what the Notary server has" inside "$WORK/vouchsafe" bundle create --config "$WORK/connected.yaml" \
    --store "$WORK/connected" --audience gap --refresh-by 35d --sign "$WORK/courier.pem" --directory "$WORK/bundles"
  # The name that the chart looks for.
  mv "$WORK"/bundles/vouchsafe-*.tar.zst "$WORK/vouchsafe.tar.zst"
  contains "every repository is in it" "$(inside "$WORK/vouchsafe" bundle inspect "$WORK/vouchsafe.tar.zst")" "$REGISTRY/team/load"
}

# The one file of the image that is a program, as it is in there.
unpack_program() {
  local image=$WORK/unpacked layer
  rm -rf "$image" && mkdir -p "$image"
  tar -xf "$ARCHIVE" -C "$image"
  layer=$(jq -r '.layers[0].digest' "$image/blobs/sha256/$(jq -r '.manifests[0].digest | ltrimstr("sha256:")' "$image/index.json")")
  tar -xzOf "$image/blobs/sha256/${layer#sha256:}" ./vouchsafe >"$WORK/vouchsafe"
  chmod +x "$WORK/vouchsafe"
  rm -rf "$image"
}

# After all else, in the namespace of a release that is gone, and without the objects that it left.
test_air_gap() {
  holds "nothing answers as a Notary server" no_notary_server
  kubectl delete crd trustrepositories.vouchsafe.dev trustrepositoryparts.vouchsafe.dev >"$WORK/last"
  kubectl --namespace "$SYSTEM" delete secret "$RELEASE-tls" >"$WORK/last"
  kubectl --namespace "$SYSTEM" create configmap vouchsafe-bundles --from-file "$WORK/vouchsafe.tar.zst" >"$WORK/last"
  write_values "$WORK/values.yaml"
  write_air_gap_values >"$WORK/air-gap.yaml"
  holds "helm installs the topology" helm install "$RELEASE" "$CHART" --namespace "$SYSTEM" --values "$CHART/values-air-gap.yaml" \
    --values "$WORK/values.yaml" --values "$WORK/air-gap.yaml" --wait --timeout 4m
  eventually "both webhook configurations say whom to trust" 10 is_announced
  contains "kubectl get trust shows what the bundle holds" "$(trust)" "$REGISTRY/team/load Fresh 1"
  holds "every replica knows what is signed" all_answer "$REGISTRY/team/load:signed" "@$(archive_digest "$WORK/app-1.tar")"
  kubectl create namespace gap >"$WORK/last"
  holds "a signed Pod is admitted" kubectl --namespace gap run signed --image "$REGISTRY/team/load:signed"
  holds "it runs" kubectl --namespace gap wait --for=condition=Ready pod/signed --timeout 30s
  denied "an unsigned one is denied" "it is not signed" kubectl --namespace gap run unsigned --image "$REGISTRY/team/load:unsigned"
  holds "helm test passes" helm test "$RELEASE" --namespace "$SYSTEM"
  holds "the CronJob takes the bundle in again" sync_now
  has_no_way_out
}

# There is no storage class, so what the syncer remembers is not kept.
write_air_gap_values() {
  cat <<YAML
airGap: {source: configMap, schedule: "0 0 29 2 *"}
syncer: {persistence: {enabled: false}}
config:
  sync: null
  freshness: {maxStaleness: 1h}
  bundles:
    audience: gap
    threshold: 1
    keys:
    - name: courier
      key: |
$(sed 's/^/        /' "$WORK/courier.pub")
YAML
}

# Neither nodes nor Pods, and those of Vouchsafe are on the same bridges.
has_no_way_out() {
  local node name said
  for node in $(nodes_of "$DIRECTORY"); do
    name=$(namespace_of "$DIRECTORY" "$node")
    equals "node-$node has no default route" "$(ip -n "$name" route show default; ip -n "$name" -6 route show default)" ""
    holds "node-$node has no route to 192.0.2.1" has_no_route "$name" 192.0.2.1
  done
  said=$(kubectl --namespace gap exec signed -- /probe get http://192.0.2.1/ 2>&1 || true)
  contains "a Pod has none, too" "$said" "network is unreachable"
}

has_no_route() { # NAMESPACE ADDRESS
  ! ip -n "$1" route get "$2"
}
