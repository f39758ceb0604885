# shellcheck shell=bash
# Images: the one that tests run, made here, and any other out of an OCI archive. Sourced; needs names.sh.

PAUSE_IMAGE=vouchsafe.test/pause:1

# An OCI archive of an image with nothing but one static program in it. With another version comes another digest.
make_image_archive() { # PROGRAM COMMAND-JSON ARCHIVE [VERSION]
  local directory=$3.d blobs=$3.d/blobs/sha256 name=${1##*/}
  local type=application/vnd.oci.image layer config manifest
  rm -rf "$directory" && mkdir -p "$blobs"
  tar -C "${1%/*}" --dereference --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=755 -cf "$directory/new" "$name"
  layer=$(add_blob "$directory" "$type.layer.v1.tar")
  jq -cn --arg program "/$name" --argjson command "$2" --arg layer "$(jq -r .digest <<<"$layer")" --arg arch "$(go_architecture)" \
    --arg version "${4:-}" '
    {architecture: $arch, os: "linux", config: ({Entrypoint: [$program], Cmd: $command, User: "65532:65532"} +
        if $version == "" then {} else {Labels: {"org.opencontainers.image.version": $version}} end),
      rootfs: {type: "layers", diff_ids: [$layer]}}' >"$directory/new"
  config=$(add_blob "$directory" "$type.config.v1+json")
  jq -cn --arg type "$type.manifest.v1+json" --argjson config "$config" --argjson layer "$layer" \
    '{schemaVersion: 2, mediaType: $type, config: $config, layers: [$layer]}' >"$directory/new"
  manifest=$(add_blob "$directory" "$type.manifest.v1+json")
  jq -cn --argjson manifest "$manifest" '{schemaVersion: 2, manifests: [$manifest]}' >"$directory/index.json"
  printf '{"imageLayoutVersion": "1.0.0"}' >"$directory/oci-layout"
  tar -C "$directory" --mtime=@0 --owner=0 --group=0 --numeric-owner -cf "$3" oci-layout index.json blobs
  rm -rf "$directory"
}

# Moves DIRECTORY/new to where it is found by its digest; prints its descriptor.
add_blob() { # DIRECTORY MEDIA-TYPE
  local digest size
  digest=$(sha256sum <"$1/new" | cut -d' ' -f1)
  size=$(stat -c %s "$1/new")
  mv "$1/new" "$1/blobs/sha256/$digest"
  jq -cn --arg type "$2" --arg digest "sha256:$digest" --argjson size "$size" '{mediaType: $type, digest: $digest, size: $size}'
}

go_architecture() {
  case $(uname -m) in
  x86_64) echo amd64 ;;
  aarch64) echo arm64 ;;
  *) uname -m ;;
  esac
}

# The digest of the one image in an archive.
archive_digest() { # ARCHIVE
  local digests
  digests=$(tar -xOf "$1" index.json | jq -r '.manifests[].digest')
  [[ $digests =~ ^sha256:[0-9a-f]{64}$ ]] || fail "$1 does not hold exactly one image"
  echo "$digests"
}

# Gives every node an image without a registry, by its tag and by its digest; prints the latter.
load_archive() { # DIRECTORY ARCHIVE NAME:TAG
  local node
  for node in $(nodes_of "$1"); do load_into_node "$1" "$node" "$2" "$3"; done
  echo "${3%:*}@$(archive_digest "$2")"
}

load_into_node() { # DIRECTORY NODE ARCHIVE NAME:TAG
  local digest images=("$HERE/lib/cluster/enter.sh" "$2" "$1" ctr -n k8s.io images)
  digest=$(archive_digest "$3")
  "${images[@]}" import --base-name loaded --digests --no-unpack - <"$3" >"$1/load.log" 2>&1 ||
    { cat "$1/load.log" >&2 && fail "cannot load $3"; }
  {
    "${images[@]}" tag --force "loaded@$digest" "$4"
    "${images[@]}" tag --force "loaded@$digest" "${4%:*}@$digest"
    "${images[@]}" rm "loaded@$digest"
  } >>"$1/load.log"
}

# Pushes it to the registry in there, as it is; prints its name by digest.
push_archive() { # DIRECTORY ARCHIVE NAME:TAG
  local digest
  digest=$(archive_digest "$2")
  "${ENTER[@]}" skopeo --insecure-policy copy --quiet --preserve-digests --dest-tls-verify=false \
    "oci-archive:$2" "docker://$NODE_ADDRESS:5000/$3" >&2
  echo "$NODE_ADDRESS:5000/${3%:*}@$digest"
}
