# shellcheck shell=bash
# How tests on a cluster are run: what holds in them is counted, and what does not ends the test. Sourced; works in $WORK.

# Each in a shell of its own, one after the other, since they share one cluster. Sets FAILED to how many failed.
run_tests() { # NAME…
  local name status start before
  FAILED=0
  : >"$WORK/held"
  for name in "$@"; do
    start=${EPOCHREALTIME/[.,]/} before=$(wc -l <"$WORK/held")
    say "$name"
    # Not as a condition: bash would go on after what fails.
    set +e
    (
      set -e
      "test_$name"
    )
    status=$?
    set -e
    if [ "$status" -eq 0 ] && [ "$(wc -l <"$WORK/held")" -eq "$before" ]; then
      say "  it looked at nothing"
      status=1
    fi
    if [ "$status" -ne 0 ]; then
      FAILED=$((FAILED + 1))
      keep_logs "$WORK/failed/$name"
      say "  FAILED; what was logged is in $WORK/failed/$name"
    fi
    printf '  %d checks, %.1f s\n' $(($(wc -l <"$WORK/held") - before)) \
      "$(awk -v start="$start" -v end="${EPOCHREALTIME/[.,]/}" 'BEGIN { print (end - start) / 1e6 }')"
  done
}

held() { # WHAT
  printf '%s\n' "$1" >>"$WORK/held"
  say "  ok  $1"
}

does_not_hold() { # WHAT DETAIL
  printf '  FAIL  %s: %s\n' "$1" "$2" >&2
  exit 1
}

holds() { # WHAT COMMAND…
  local what=$1
  shift
  "$@" >"$WORK/last" 2>&1 || does_not_hold "$what" "$* says $(tail -n 5 "$WORK/last")"
  held "$what"
}

equals() { # WHAT FOUND EXPECTED
  [ "$2" = "$3" ] || does_not_hold "$1" "found ${2:-nothing}, expected $3"
  held "$1"
}

contains() { # WHAT FOUND EXPECTED
  [[ $2 == *"$3"* ]] || does_not_hold "$1" "expected $3 in ${2:-nothing}"
  held "$1"
}

at_most() { # WHAT FOUND BOUND
  awk -v found="$2" -v bound="$3" 'BEGIN { exit !(found ~ /^[0-9]/ && found + 0 <= bound + 0) }' || does_not_hold "$1" "${2:-nothing} is more than $3"
  held "$1: $2, at most $3"
}

at_least() { # WHAT FOUND BOUND
  awk -v found="$2" -v bound="$3" 'BEGIN { exit !(found ~ /^[0-9]/ && found + 0 >= bound + 0) }' || does_not_hold "$1" "${2:-nothing} is less than $3"
  held "$1: $2, at least $3"
}

# Repeats a command until it succeeds.
eventually() { # WHAT SECONDS COMMAND…
  local what=$1 deadline=$((SECONDS + $2)) start=${EPOCHREALTIME/[.,]/}
  shift 2
  until "$@" >"$WORK/last" 2>&1; do
    [ "$SECONDS" -lt "$deadline" ] || does_not_hold "$what" "$* still says $(tail -n 5 "$WORK/last")"
    sleep 0.3
  done
  held "$what, after $(awk -v start="$start" -v end="${EPOCHREALTIME/[.,]/}" 'BEGIN { printf "%.1f s", (end - start) / 1e6 }')"
}

# The command is refused by the webhook, in these words.
denied() { # WHAT WORDS COMMAND…
  local what=$1 words=$2
  shift 2
  ! "$@" >"$WORK/last" 2>&1 || does_not_hold "$what" "it was admitted"
  contains "$what" "$(cat "$WORK/last")" 'vouchsafe.dev" denied the request: '
  contains "$what, in these words: $words" "$(cat "$WORK/last")" "$words"
}

say() { printf '%s\n' "$*"; }
