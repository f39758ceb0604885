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

# shellcheck source=tests/scripts/lib/go.sh
. "$HERE/lib/go.sh"
# shellcheck source=tests/scripts/lib/tool.sh
. "$HERE/lib/tool.sh"

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
  provide_tool oras "${ORAS_CACHE:-$(tool_cache)}" ""
  echo "$PROGRAM"
}

fail() {
  printf 'oras.sh: %s\n' "$*" >&2
  exit 1
}

main "$@"
