# shellcheck shell=bash
# An OCI image layout of one image in one tar file. Sourced; needs fail, in_mib, version, REPOSITORY, OUTPUT, MAX_BYTES,
# USER_ID and STORE.

# Everything that could differ from one run to the next is fixed: order, owners and times of files, the form of JSON.
pack() { # ROOT ARCHIVE
  local root=$1 archive=$2 layout=$OUTPUT/layout layer=$OUTPUT/layer.tar epoch created
  epoch=${SOURCE_DATE_EPOCH:-$(git -C "$REPOSITORY" log -1 --format=%ct)}
  created=$(date -u -d "@$epoch" +%Y-%m-%dT%H:%M:%SZ)
  rm -rf "$layout" && mkdir -p "$layout/blobs/sha256"

  tar_fixed "$epoch" 0 -cf "$layer" --exclude="./$STORE" -C "$root" .
  tar_fixed "$epoch" "$USER_ID" -rf "$layer" -C "$root" "./$STORE"
  [ "$(size_of "$layer")" -le "$MAX_BYTES" ] ||
    fail "the image is $(in_mib "$(size_of "$layer")"), which is more than $(in_mib "$MAX_BYTES")"
  gzip -9 -n -c "$layer" >"$OUTPUT/layer.tar.gz"

  config "$created" "$(digest_of "$layer")" >"$OUTPUT/config.json"
  manifest "$created" "$OUTPUT/config.json" "$OUTPUT/layer.tar.gz" >"$OUTPUT/manifest.json"
  index "$OUTPUT/manifest.json" >"$layout/index.json"
  printf '{"imageLayoutVersion":"1.0.0"}' >"$layout/oci-layout"
  add_blob "$layout" "$OUTPUT/layer.tar.gz"
  add_blob "$layout" "$OUTPUT/config.json"
  add_blob "$layout" "$OUTPUT/manifest.json"
  find "$layout" -type d -exec chmod 755 {} + -o -exec chmod 644 {} +
  tar_fixed "$epoch" 0 -cf "$archive.new" -C "$layout" blobs index.json oci-layout
  # In one step, so that what is there is whole.
  mv "$archive.new" "$archive"

  printf '%s\n' "$archive"
  printf '  digest      %s\n' "$(digest_of "$OUTPUT/manifest.json")"
  printf '  compressed  %s\n' "$(in_mib "$(size_of "$OUTPUT/layer.tar.gz")")"
  printf '  unpacked    %s, of at most %s\n' "$(in_mib "$(size_of "$layer")")" "$(in_mib "$MAX_BYTES")"
  rm -rf "$layout" "$layer" "$OUTPUT"/{layer.tar.gz,config.json,manifest.json}
}

tar_fixed() { # EPOCH OWNER ARGUMENT…
  local epoch=$1 owner=$2
  shift 2
  LC_ALL=C tar --format=ustar --sort=name --mtime="@$epoch" --owner="$owner" --group="$owner" --numeric-owner "$@"
}

# https://github.com/opencontainers/image-spec: config.md, manifest.md, image-index.md, annotations.md
config() { # CREATED DIFF_ID
  labels "$1" | jq -cS --arg created "$1" --arg architecture "$(architecture)" --arg user "$USER_ID:$USER_ID" --arg diff "$2" '
    {created: $created, architecture: $architecture, os: "linux",
      config: {User: $user, WorkingDir: "/", Entrypoint: ["/vouchsafe"], ExposedPorts: {"8443/tcp": {}}, Labels: .},
      rootfs: {type: "layers", diff_ids: [$diff]},
      history: [{created: $created, created_by: "scripts/image.sh"}]}'
}

manifest() { # CREATED CONFIG LAYER
  labels "$1" | jq -cS --arg config "$(digest_of "$2")" --argjson config_size "$(size_of "$2")" \
    --arg layer "$(digest_of "$3")" --argjson layer_size "$(size_of "$3")" '
    "application/vnd.oci.image." as $type | {schemaVersion: 2, mediaType: ($type + "manifest.v1+json"), annotations: .,
      config: {mediaType: ($type + "config.v1+json"), digest: $config, size: $config_size},
      layers: [{mediaType: ($type + "layer.v1.tar+gzip"), digest: $layer, size: $layer_size}]}'
}

index() { # MANIFEST
  jq -cnS --arg digest "$(digest_of "$1")" --argjson size "$(size_of "$1")" --arg version "$(version)" \
    --arg architecture "$(architecture)" '
    "application/vnd.oci.image." as $type | {schemaVersion: 2, mediaType: ($type + "index.v1+json"),
      manifests: [{mediaType: ($type + "manifest.v1+json"), digest: $digest, size: $size,
        platform: {architecture: $architecture, os: "linux"},
        annotations: {"org.opencontainers.image.ref.name": $version}}]}'
}

labels() { # CREATED
  jq -nS --arg created "$1" --arg version "$(version)" --arg revision "$(revision)" --arg source "${IMAGE_SOURCE:-}" '
    {created: $created, title: "vouchsafe", licenses: "Apache-2.0", version: $version, revision: $revision, source: $source,
      description: "Kubernetes image admission from Notary signatures that were verified beforehand"}
    | with_entries(select(.value != "") | .key |= "org.opencontainers.image." + .)'
}

revision() {
  if [ -n "${IMAGE_REVISION:-}" ]; then
    echo "$IMAGE_REVISION"
  else
    git -C "$REPOSITORY" describe --always --abbrev=40 --match='' --dirty
  fi
}

architecture() {
  case $(uname -m) in
  x86_64) echo amd64 ;;
  aarch64) echo arm64 ;;
  *) uname -m ;;
  esac
}

add_blob() { # LAYOUT FILE
  local digest
  digest=$(digest_of "$2")
  cp "$2" "$1/blobs/sha256/${digest#sha256:}"
}

digest_of() { echo "sha256:$(sha256sum <"$1" | cut -d' ' -f1)"; }
size_of() { stat -c %s "$1"; }
