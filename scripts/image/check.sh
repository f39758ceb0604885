# shellcheck shell=bash
# Whether an archive holds the image that is meant, and whether that does its work where an image is run. Sourced; needs
# what scripts/image.sh has.

check() { # ARCHIVE
  local archive=$1
  [ -f "$archive" ] || fail "$archive is not there: make image"
  [ "$(id -u)" -eq 0 ] || fail "run as root: what is in the image runs in a chroot and a network of its own"
  "$REPOSITORY/tests/scripts/install.sh" curl dnsmasq ip jq notary notary-server openssl skopeo strip unshare
  WORK=$(mktemp -d "${TMPDIR:-/tmp}/vouchsafe-image.XXXXXX")
  trap 'rm -rf "$WORK"' EXIT
  chmod 755 "$WORK"

  check_layout "$archive"
  check_files "$WORK/layer.tar"
  check_binary "$WORK/root/vouchsafe"
  check_repeats
  # Whatever is started or mounted in there is gone with it.
  unshare --net --mount --pid --fork --kill-child --mount-proc "$HERE/image.sh" check-inside "$WORK" "$IMAGE_VERSION"
  echo "done: $archive is what it should be"
}

# Sets DIGEST, CONFIG and IMAGE_VERSION, and leaves the layer in $WORK/layer.tar.
check_layout() { # ARCHIVE
  local layout=$WORK/layout blob manifest layer said=$WORK/inspect.json
  mkdir "$layout"
  tar -xf "$1" -C "$layout"
  for blob in "$layout"/blobs/sha256/*; do
    [ "$(digest_of "$blob")" = "sha256:${blob##*/}" ] || fail "the blob ${blob##*/} has another digest"
  done
  DIGEST=$(jq -er '.manifests | select(length == 1)[0].digest' "$layout/index.json")
  manifest=$layout/blobs/sha256/${DIGEST#sha256:}
  CONFIG=$layout/blobs/sha256/$(jq -er '.config.digest | ltrimstr("sha256:")' "$manifest")
  layer=$layout/blobs/sha256/$(jq -er '.layers | select(length == 1)[0].digest | ltrimstr("sha256:")' "$manifest")
  gzip -dc "$layer" >"$WORK/layer.tar"

  skopeo inspect "oci-archive:$1" >"$said"
  jq -e --arg digest "$DIGEST" '.Digest == $digest and .Os == "linux"' "$said" >"$WORK/answer" ||
    fail "skopeo sees another image: $(cat "$said")"
  jq -e '.Labels["org.opencontainers.image." + ("title", "version", "revision", "licenses")] | strings' "$said" >"$WORK/answer" ||
    fail "labels are missing: $(cat "$said")"
  skopeo inspect --config "oci-archive:$1" >"$said"
  jq -e --arg diff "$(digest_of "$WORK/layer.tar")" --arg user "$USER_ID:$USER_ID" '.rootfs.diff_ids == [$diff] and
    (.config | .User == $user and .Entrypoint == ["/vouchsafe"] and .Cmd == null)' "$said" >"$WORK/answer" ||
    fail "the configuration is another: $(cat "$said")"
  IMAGE_VERSION=$(label_of version)
  echo "layout   $DIGEST, as skopeo reads it; runs /vouchsafe as $USER_ID:$USER_ID"
}

check_files() { # LAYER
  local expected=$WORK/expected found=$WORK/found size
  cat >"$expected" <<FILES
drwxr-xr-x 0/0 ./
drwxr-xr-x 0/0 ./etc/
drwxr-xr-x 0/0 ./etc/ssl/
drwxr-xr-x 0/0 ./etc/ssl/certs/
-rw-r--r-- 0/0 ./$AUTHORITIES
drwxr-xr-x 0/0 ./licenses/
-rw-r--r-- 0/0 ./licenses/LICENSE
drwxrwxrwt 0/0 ./tmp/
drwxr-xr-x 0/0 ./var/
drwxr-xr-x 0/0 ./var/lib/
-rwxr-xr-x 0/0 ./vouchsafe
drwx------ $USER_ID/$USER_ID ./$STORE/
FILES
  tar -tvf "$1" --numeric-owner | awk '{ print $1, $2, $6 }' >"$found"
  diff "$expected" "$found" >&2 || fail "other files than these are in the image"
  size=$(size_of "$1")
  [ "$size" -le "$MAX_BYTES" ] || fail "the image is $(in_mib "$size"), which is more than $(in_mib "$MAX_BYTES")"
  mkdir "$WORK/root"
  tar -xpf "$1" -C "$WORK/root" --numeric-owner
  echo "files    $(wc -l <"$found"), $(in_mib "$size") of at most $(in_mib "$MAX_BYTES")"
}

check_binary() { # BINARY
  local path
  readelf --program-headers --dynamic --wide "$1" >"$WORK/headers"
  ! grep -E 'INTERP|NEEDED' "$WORK/headers" >&2 || fail "the binary is not static"
  for path in "$REPOSITORY/" "${CARGO_HOME:-$HOME/.cargo}/" "${RUSTUP_HOME:-$HOME/.rustup}/"; do
    ! grep -qaF "$path" "$1" || fail "the binary names $path, which is a folder of the machine that built it"
  done
  echo "binary   static: no interpreter, no library; names no folder of this machine"
}

# From the same files comes the same image, at another time and from another folder.
check_repeats() {
  local again
  again=$(
    OUTPUT=$WORK/again
    mkdir "$OUTPUT"
    SOURCE_DATE_EPOCH=$(date -d "$(label_of created)" +%s) IMAGE_REVISION=$(label_of revision) \
      IMAGE_SOURCE=$(label_of source) pack "$WORK/root" "$OUTPUT/archive.tar" | sed -n 's/^  digest *//p'
  )
  [ "$again" = "$DIGEST" ] || fail "packed again, it has the digest $again"
  echo "repeats  packed again, it has the same digest"
}

label_of() { # NAME
  jq -r --arg name "$1" '.config.Labels["org.opencontainers.image." + $name] // ""' "$CONFIG"
}

# In namespaces of its own: a Notary server whose name only a name server knows, and the image beside it as a cluster runs
# it, with a read-only root.
check_inside() { # WORK VERSION
  WORK=$1 ROOT=$1/root
  # Each of these becomes the next, so that a signal reaches the last.
  IN_IMAGE=(env -i "$(command -v chroot)" --userspec="$USER_ID:$USER_ID" --groups="$USER_ID" "$ROOT" /vouchsafe)
  # shellcheck source=tests/scripts/lib/servers.sh
  . "$REPOSITORY/tests/scripts/lib/servers.sh"
  # shellcheck source=tests/scripts/lib/publisher.sh
  . "$REPOSITORY/tests/scripts/lib/publisher.sh"
  trap 'status=$?; [ "$status" -eq 0 ] || show_logs >&2; exit "$status"' EXIT
  ip link set lo up
  make_certificates notary.trust
  start_notary_server
  sign_in_targets "$GUN" 1.0 "$SIGNED" 1000
  start dnsmasq dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --bind-interfaces --user=root \
    --pid-file= --listen-address=127.0.0.1 --local=/local/ --host-record=notary.trust.svc.cluster.local,127.0.0.1
  wait_for dnsmasq bash -c ': </dev/tcp/127.0.0.1/53'
  mount_root
  printf 'nameserver 127.0.0.1\nsearch shop.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n' \
    >"$ROOT/etc/resolv.conf"
  write_image_configuration >"$ROOT/etc/vouchsafe/config.yaml"
  mount -o remount,bind,ro "$ROOT"

  [ "$(in_image --version)" = "vouchsafe $2" ] || fail "it says that it is $(in_image --version)"
  in_image config check >"$WORK/config-check.log" 2>&1 || fail "it refuses the configuration"
  echo "runs     vouchsafe $2 as $USER_ID, in a chroot that is read-only"
  check_authorities
  check_serving
}

# What every container runtime mounts into a root file system, as far as it is needed: /proc is not.
mount_root() {
  local device
  mkdir -p "$ROOT/etc/vouchsafe" "$ROOT/dev"
  mount --bind "$ROOT" "$ROOT"
  for device in null random urandom; do
    : >"$ROOT/dev/$device"
    mount --bind "/dev/$device" "$ROOT/dev/$device"
  done
  mount -t tmpfs -o mode=1777 tmpfs "$ROOT/tmp"
  mount -t tmpfs -o "mode=700,uid=$USER_ID,gid=$USER_ID" tmpfs "$ROOT/$STORE"
}

in_image() { # ARGUMENT…
  "${IN_IMAGE[@]}" "$@"
}

write_image_configuration() {
  cat <<YAML
validators:
- name: default
  type: notaryv1
  host: notary.trust:${NOTARY_URL##*:}
  trustRoots:
  - name: default
    key: |
$(publisher_root_key | sed 's/^/      /')
  repositories: ["$GUN"]
policy:
- pattern: "${GUN%/*}/*"
  validator: default
YAML
}

# The image's own list is read, and does not know the test's authority; a list with it in the same place is read, too.
check_authorities() {
  local list=$WORK/authorities
  ! in_image sync >"$WORK/sync-untrusted.log" 2>&1 || fail "it trusts an authority that is not in the image"
  grep -q UnknownIssuer "$WORK/sync-untrusted.log" || fail "it does not find the authorities in the image"
  cat "$ROOT/$AUTHORITIES" "$WORK/tls/ca.crt" >"$list"
  mount --bind "$list" "$ROOT/$AUTHORITIES"
  in_image sync >"$WORK/sync.log" 2>&1 || fail "it cannot sync"
  echo "syncs    over TLS, from a name that it took from a search list and a name server"
}

check_serving() {
  local port metrics_port
  port=$(free_port) metrics_port=$(free_port)
  start serve "${IN_IMAGE[@]}" serve --listen "127.0.0.1:$port" --metrics-listen "127.0.0.1:$metrics_port"
  wait_for serve curl -fsS -o "$WORK/ready" "http://127.0.0.1:$metrics_port/ready"
  in_image check "$GUN:1.0" >"$WORK/check.log" 2>&1 || fail "it does not know what it synced"
  grep -qF "$SIGNED" "$WORK/check.log" || fail "it says another digest than the one signed"
  ! in_image check "$GUN:2.0" >"$WORK/check-unsigned.log" 2>&1 || fail "it trusts what nobody signed"
  kill "${PID[serve]}"
  wait "${PID[serve]}" || fail "it does not end well"
  unset "PID[serve]"
  echo "serves   from what it synced, and ends when told to"
}

GUN=registry.example.com/team/app
SIGNED=sha256:$(printf signed | sha256sum | cut -d' ' -f1)
