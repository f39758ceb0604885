#!/usr/bin/env bash
# Vouchsafe's container image, from scratch: one static binary, the public certificate authorities, and the folders that
# it writes to. Neither a container daemon nor a base image is needed.
#
#   usage: image.sh build             builds the binary and the image; prints its archive, digest and sizes
#          image.sh rootfs DIRECTORY  only lays out in DIRECTORY what is in the image, as the Dockerfile does
#          image.sh check [ARCHIVE]   looks into the archive that `build` made, or another, and runs what is in it:
#                                     as root, in namespaces of its own
#   env:   CARGO                      default: cargo
#          IMAGE_SOURCE               the repository's address, for the label; default: none
#          IMAGE_REVISION             default: the commit, with `-dirty` where files differ from it
#          SOURCE_DATE_EPOCH          the time of everything in the image; default: the commit's
#
# The archive is target/image/vouchsafe-VERSION.oci.tar (`oci-archive:` for skopeo and podman). What goes into it comes
# from this tree, Rust's release that it names, and Debian's gcc, libc6-dev, binutils, ca-certificates and gzip: where
# these are the same, so is the digest. As root on Debian what is missing is installed.
set -euo pipefail
umask 022

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
REPOSITORY=$(cd "$HERE/.." && pwd)
OUTPUT=${CARGO_TARGET_DIR:-$REPOSITORY/target}/image

# The user that the image runs as; images without a shell have long used this number for it.
USER_ID=65532
# What a cluster pulls to every node and an operator carries by hand: the files, and not only what compression leaves.
MAX_BYTES=$((20 << 20))
AUTHORITIES=etc/ssl/certs/ca-certificates.crt
STORE=var/lib/vouchsafe

# shellcheck source=scripts/image/rootfs.sh
. "$HERE/image/rootfs.sh"
# shellcheck source=scripts/image/archive.sh
. "$HERE/image/archive.sh"
# shellcheck source=scripts/image/check.sh
. "$HERE/image/check.sh"

main() {
  case "${1:-} $#" in
  "build 1")
    lay_out "$OUTPUT/rootfs"
    pack "$OUTPUT/rootfs" "$(archive_path)"
    ;;
  "rootfs 2") lay_out "$2" ;;
  "check 1") check "$(archive_path)" ;;
  "check 2") check "$2" ;;
  "check-inside 3") check_inside "$2" "$3" ;;
  *)
    sed -n 's/^# \{0,1\}//; 5,12p' "$0" >&2
    exit 2
    ;;
  esac
}

version() { sed -n '/^\[workspace.package\]/,/^$/ s/^version = "\(.*\)"$/\1/p' "$REPOSITORY/Cargo.toml"; }
archive_path() { echo "$OUTPUT/vouchsafe-$(version).oci.tar"; }

in_mib() { awk -v bytes="$1" 'BEGIN { printf "%.2f MiB", bytes / 1048576 }'; }

fail() {
  printf 'image.sh: %s\n' "$*" >&2
  exit 1
}

main "$@"
