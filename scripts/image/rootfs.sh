# shellcheck shell=bash
# The files of the image. Sourced; needs fail, REPOSITORY, OUTPUT, AUTHORITIES and STORE.

lay_out() { # DIRECTORY
  local root=$1
  "$REPOSITORY/tests/scripts/install.sh" cc strip update-ca-certificates >&2
  build_binary
  rm -rf "$root"
  install -d -m 755 "$root/${AUTHORITIES%/*}" "$root/${STORE%/*}" "$root/licenses"
  install -d -m 700 "$root/$STORE"
  install -d -m 1777 "$root/tmp"
  strip --strip-all -o "$root/vouchsafe" "$BINARY"
  chmod 755 "$root/vouchsafe"
  authorities >"$root/$AUTHORITIES"
  install -m 644 "$REPOSITORY/LICENSE" "$root/licenses/LICENSE"
}

# What makes the program smaller besides the profile `image` of Cargo.toml: relocations in a tenth of
# the space, and functions of the same code once where nobody compares their addresses.
SMALLER=(-Clink-arg=-Wl,-z,pack-relative-relocs -Clink-arg=-Wl,--icf=safe)

# For aws-lc: without AES-GCM and RSA for AVX-512, which are most of a MiB and of which those for AVX2 do the same.
WITHOUT_AVX512=-DMY_ASSEMBLER_IS_TOO_OLD_FOR_512AVX

# Sets BINARY. With `--target` the flags are for the program alone, and not for what runs while it is built; paths of the
# machine that builds are no part of it.
build_binary() {
  local target flags separator=$'\x1f' sysroot cargo_home
  cd "$REPOSITORY"
  target=$(rustc -vV | sed -n 's/^host: //p')
  case $target in
  *-unknown-linux-gnu) ;;
  *) fail "a static binary for $target was never tried; this is for GNU/Linux" ;;
  esac
  sysroot=$(rustc --print sysroot)
  cargo_home=${CARGO_HOME:-$HOME/.cargo}
  flags=-Ctarget-feature=+crt-static
  flags+=$separator--remap-path-prefix=$cargo_home=/cargo
  flags+=$separator--remap-path-prefix=$sysroot/lib/rustlib/src/rust=/rustc
  flags+=$separator--remap-path-prefix=$REPOSITORY=/vouchsafe
  CARGO_ENCODED_RUSTFLAGS=$flags \
    CFLAGS="$WITHOUT_AVX512 -ffile-prefix-map=$cargo_home=/cargo -ffile-prefix-map=$REPOSITORY=/vouchsafe" \
    "${CARGO:-cargo}" rustc --locked --profile image --target "$target" --package vouchsafe --bin vouchsafe -- "${SMALLER[@]}" >&2
  BINARY=${CARGO_TARGET_DIR:-$REPOSITORY/target}/$target/image/vouchsafe
}

# Mozilla's authorities as Debian's package has them. Not the list in /etc/ssl, to which an operator may have added some
# that are nobody else's business to trust.
authorities() {
  local folder=/usr/share/ca-certificates/mozilla
  [ -d "$folder" ] || fail "$folder is not there: it comes with Debian's package ca-certificates"
  (
    cd "$folder"
    # Sorted by bytes, in whatever language.
    LC_ALL=C
    cat -- *.crt
  )
}
