# shellcheck shell=bash
# What a publisher does before Vouchsafe comes in: push images, sign tags, keep the root key. Sourced; works in $WORK.

# Any passphrase will do for throw-away keys; the notary client reads it from these variables.
export NOTARY_ROOT_PASSPHRASE=demo-root-passphrase
export NOTARY_TARGETS_PASSPHRASE=demo-targets-passphrase
export NOTARY_SNAPSHOT_PASSPHRASE=demo-snapshot-passphrase
export NOTARY_DELEGATION_PASSPHRASE=demo-delegation-passphrase

# The real client. It reports errors on stdout, so its output goes to a log that is shown on failure.
publisher() {
  notary -s "$NOTARY_URL" -d "$WORK/publisher" --tlscacert "$WORK/tls/ca.crt" "$@" </dev/null >>"$WORK/notary.log" 2>&1
}

# Pushes an image with one small layer; sets IMAGE_DIGEST and IMAGE_SIZE to those of its manifest.
push_image() { # REPOSITORY TAG CONTENT
  local directory=$WORK/image
  rm -rf "$directory" && mkdir -p "$directory/root"
  printf '%s\n' "$3" >"$directory/root/motd"
  tar -C "$directory/root" --mtime=@0 --owner=0 --group=0 -cf "$directory/layer" motd
  jq -cn --arg layer "$(digest_of "$directory/layer")" \
    '{architecture: "amd64", os: "linux", config: {}, rootfs: {type: "layers", diff_ids: [$layer]}}' >"$directory/config"
  jq -cn --arg config "$(digest_of "$directory/config")" --argjson config_size "$(size_of "$directory/config")" \
    --arg layer "$(digest_of "$directory/layer")" --argjson layer_size "$(size_of "$directory/layer")" '
    "application/vnd.oci.image." as $type | {schemaVersion: 2, mediaType: ($type + "manifest.v1+json"),
      config: {mediaType: ($type + "config.v1+json"), digest: $config, size: $config_size},
      layers: [{mediaType: ($type + "layer.v1.tar"), digest: $layer, size: $layer_size}]}' >"$directory/manifest"

  push_blob "$1" "$directory/layer"
  push_blob "$1" "$directory/config"
  curl -fsS -X PUT -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' \
    --data-binary "@$directory/manifest" "http://$REGISTRY/v2/$1/manifests/$2"
  IMAGE_DIGEST=$(digest_of "$directory/manifest")
  IMAGE_SIZE=$(size_of "$directory/manifest")
}

push_blob() { # REPOSITORY FILE
  local location
  location=$(curl -fsS -X POST -o "$WORK/upload" -w '%header{location}' "http://$REGISTRY/v2/$1/blobs/uploads/")
  curl -fsS -X PUT -H 'Content-Type: application/octet-stream' --data-binary "@$2" "$location&digest=$(digest_of "$2")"
}

digest_of() { echo "sha256:$(sha256sum <"$1" | cut -d' ' -f1)"; }
size_of() { stat -c %s "$1"; }

# Leaves the roles that `docker trust sign` leaves: the snapshot key with the server, the tag in
# targets/releases and in targets/SIGNER, both delegated to the signer's key for all paths.
sign_like_docker_trust() { # GUN SIGNER TAG DIGEST SIZE
  publisher init "$1"
  publisher key rotate "$1" snapshot --server-managed
  make_signer_key "$2"
  publisher delegation add "$1" targets/releases "$WORK/$2.pem" --all-paths
  publisher delegation add "$1" "targets/$2" "$WORK/$2.pem" --all-paths
  publisher addhash "$1" "$3" "$5" --sha256 "${4#sha256:}" --roles "targets/releases,targets/$2"
  publisher publish "$1"
}

sign_in_targets() { # GUN TAG DIGEST SIZE
  publisher init "$1"
  publisher addhash "$1" "$2" "$4" --sha256 "${3#sha256:}" --publish
}

# Makes $WORK/SIGNER.pem and puts the private key into the client's key store.
make_signer_key() { # SIGNER
  local key_id
  publisher key generate ecdsa --role "$1" --output "$WORK/$1"
  # `key import` takes an encrypted key only with a PEM header that names its key ID:
  # the SHA-256 of the key's canonical JSON.
  key_id=$(printf '{"keytype":"ecdsa","keyval":{"private":null,"public":"%s"}}' \
    "$(openssl ec -pubin -in <(without_headers "$WORK/$1.pem") -outform DER 2>>"$WORK/openssl.log" | base64 -w0)" |
    sha256sum | cut -d' ' -f1)
  sed -i "2i path: $key_id" "$WORK/$1-key.pem"
  publisher key import "$WORK/$1-key.pem" --role "$1"
}

# The public half of the publisher's private root key, as PEM.
publisher_root_key() {
  openssl ec -pubout -passin env:NOTARY_ROOT_PASSPHRASE 2>>"$WORK/openssl.log" \
    -in <(without_headers "$(grep -l '^role: root$' "$WORK"/publisher/private/*.key)")
}

# Notary writes `role:`, `gun:` and `path:` headers into its PEM files, which openssl does not read.
without_headers() { sed '/^\(role\|gun\|path\): /d' "$1"; }
