#!/usr/bin/env bash
# The oras client, as its own user would run it: built from source, since Debian 12 has no package of it.
#
#   usage: oras.sh build   builds it if it is not there; prints the program's path
#   env:   ORAS            a program that is there: nothing is built then
#          ORAS_CACHE      where the built program is kept; default: ~/.cache/vouchsafe
#
# The first build takes a minute at most. It needs Go, and as root on Debian brings what else is missing.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
MODULE=$HERE/../oras

# shellcheck source=tests/scripts/lib/go.sh
. "$HERE/lib/go.sh"

main() {
  if [ "$*" != build ]; then
    sed -n 's/^# \{0,1\}//; 4,6p' "$0" >&2
    exit 2
  fi
  if [ -n "${ORAS:-}" ]; then
    [ -x "$ORAS" ] || fail "ORAS is $ORAS, which is no program"
    echo "$ORAS"
    return
  fi
  local version cache program
  version=$(sed -n 's/^.*oras\.land\/oras \(v[0-9.]*\).*/\1/p' "$MODULE/go.mod")
  cache=${ORAS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vouchsafe}
  program=$cache/oras-$version/oras
  mkdir -p "${program%/*}"
  # One at a time: two builds would only slow each other down.
  exec {BUILD_LOCK}>"${program%/*}/.lock"
  flock "$BUILD_LOCK"
  [ -x "$program" ] || build_oras "$program" "$cache"
  exec {BUILD_LOCK}>&-
  echo "$program"
}

build_oras() { # PROGRAM CACHE
  require_go "$MODULE/go.mod" "$2"
  echo "building oras from source" >&2
  (
    cd "$MODULE"
    CGO_ENABLED=0 GOFLAGS=-mod=readonly GOTOOLCHAIN=local nice "$GO" build -trimpath -o "$1.new" \
      -ldflags "-s -w" oras.land/oras/cmd/oras
  ) >&2
  # In one step, so that what is there is whole.
  mv "$1.new" "$1"
}

fail() {
  printf 'oras.sh: %s\n' "$*" >&2
  exit 1
}

main "$@"
