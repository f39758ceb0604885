#!/usr/bin/env bash
# Notary's own code as one long-lived program that tests ask many questions (tests/reference): built from source.
#
#   usage: reference.sh build   builds it if it is not there; prints the program's path
#   env:   REFERENCE       a program that is there: nothing is built then
#          REFERENCE_CACHE where the built program is kept; default: ~/.cache/vouchsafe
#
# The first build takes a minute at most. It needs Go, and as root on Debian brings what else is missing.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# shellcheck source=tests/scripts/lib/go.sh
. "$HERE/lib/go.sh"
# shellcheck source=tests/scripts/lib/tool.sh
. "$HERE/lib/tool.sh"

main() {
  if [ "$*" != build ]; then
    sed -n 's/^# \{0,1\}//; 4,6p' "$0" >&2
    exit 2
  fi
  if [ -n "${REFERENCE:-}" ]; then
    [ -x "$REFERENCE" ] || fail "REFERENCE is $REFERENCE, which is no program"
    echo "$REFERENCE"
    return
  fi
  provide_tool reference "${REFERENCE_CACHE:-$(tool_cache)}" ""
  echo "$PROGRAM"
}

fail() {
  printf 'reference.sh: %s\n' "$*" >&2
  exit 1
}

main "$@"
