#!/usr/bin/env bash
# Fuzzes what reads outside bytes, guided by coverage (tests/fuzz). Built by libFuzzer and the pinned toolchain alone.
#
#   usage: fuzz.sh run [TARGET…]       all targets where none is named, one after the other; prints a table
#          fuzz.sh minimise [TARGET…]  keeps in tests/fuzz/corpus what together reaches all that was reached
#          fuzz.sh case TARGET FILE    runs one input, and prints the line that keeps it
#   env:   TIME         how long each target is fuzzed, in seconds; default: 60
#          FUZZ_TARGET  where it is built, and where inputs and cases are; default: target/fuzz
#
# An input that shows a fault ends its target, and is in FUZZ_TARGET/cases/TARGET. Status 1 if there is one.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)
HOST=x86_64-unknown-linux-gnu
BUILT=${FUZZ_TARGET:-$ROOT/target/fuzz}
# Bytes of memory are also counted by the program itself; this is what other languages take, too.
MOST_MIB=1024

usage() {
  sed -n 's/^# \{0,1\}//; 4,8p' "$0" >&2
  exit 2
}

build() {
  "$HERE/install.sh" c++ cc
  local coverage=(
    -Cpasses=sancov-module
    -Cllvm-args=-sanitizer-coverage-level=4
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table
    -Cllvm-args=-sanitizer-coverage-trace-compares
    -Ccodegen-units=16
  )
  # Named for one platform, they are not for build scripts, which have no libFuzzer. The lock file takes in what the workspace
  # has come to depend on, and keeps everything else.
  (cd "$ROOT/tests/fuzz/libfuzzer" &&
    CARGO_TARGET_DIR=$BUILT RUSTC_WRAPPER=$ROOT/tests/fuzz/libfuzzer/rustc.sh CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS="${coverage[*]}" \
      cargo build --quiet --release --target "$HOST")
}

targets() {
  sed -n 's/^    Target::new("\([a-z_]*\)".*/\1/p' "$ROOT/tests/fuzz/src/lib.rs"
}

fuzzer() { # TARGET ARGUMENT…
  local target=$1
  shift
  # Debug assertions and panics tell where; what a parser logs is of no interest.
  VOUCHSAFE_FUZZ_TARGET=$target RUST_BACKTRACE=1 \
    "$BUILT/$HOST/release/vouchsafe-libfuzzer" -rss_limit_mb=$MOST_MIB "$@"
}

unpack() { # TARGET FOLDER
  VOUCHSAFE_FUZZ_UNPACK=$2 fuzzer "$1" 2>>"$BUILT/$1.log"
}

pack() { # TARGET FOLDER
  VOUCHSAFE_FUZZ_PACK=$2 fuzzer "$1" 2>>"$BUILT/$1.log"
}

# The longest input, in bytes: `8 << 10`.
longest() { # TARGET
  echo $(($(sed -n "s/^    Target::new(\"$1\", [a-z_:]*, \(.*\)),/\1/p" "$ROOT/tests/fuzz/src/lib.rs")))
}

# Fuzzes one target; prints its line of the table.
run_one() { # TARGET
  local target=$1 inputs=$BUILT/corpus/$1 cases=$BUILT/cases/$1 log=$BUILT/$1.log status=0
  rm -rf "$inputs.kept"
  mkdir -p "$inputs" "$cases"
  unpack "$target" "$inputs.kept"
  fuzzer "$target" -max_total_time="${TIME:-60}" -max_len="$(longest "$target")" -len_control=0 -timeout=25 -print_final_stats=1 \
    -artifact_prefix="$cases/" "$inputs" "$inputs.kept" >"$log" 2>&1 || status=$?
  local last done
  last=$(grep -E '^#[0-9]+.* cov: ' "$log" | tail -n 1 || true)
  done=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  printf '%-16s %12s %8s %8s %8s  %s\n' "$target" "${done:-?}" \
    "$(sed -n 's/.* cov: \([0-9]*\).*/\1/p' <<<"$last")" "$(sed -n 's/.* ft: \([0-9]*\).*/\1/p' <<<"$last")" \
    "$(sed -n 's/^stat::peak_rss_mb: *//p' "$log")" "$([ "$status" = 0 ] && echo none || echo "see $log")"
  return "$status"
}

run() { # TARGET…
  local target failed=0
  printf '%-16s %12s %8s %8s %8s  %s\n' target executions edges features MiB found
  for target in "$@"; do
    run_one "$target" || failed=1
  done
  return "$failed"
}

minimise() { # TARGET…
  local target kept
  for target in "$@"; do
    kept=$BUILT/minimal/$target
    rm -rf "$kept"
    mkdir -p "$kept" "$BUILT/corpus/$target"
    rm -rf "$BUILT/corpus/$target.kept"
    unpack "$target" "$BUILT/corpus/$target.kept"
    # Edges alone: how often each is taken makes ten times as many inputs.
    fuzzer "$target" -merge=1 -use_counters=0 "$kept" "$BUILT/corpus/$target" "$BUILT/corpus/$target.kept" >"$BUILT/$target.merge.log" 2>&1
    pack "$target" "$kept"
    printf '%s: %s inputs\n' "$target" "$(wc -l <"$ROOT/tests/fuzz/corpus/$target.reached")"
  done
}

one_case() { # TARGET FILE
  base64 --wrap=0 "$2"
  echo
  fuzzer "$1" -runs=1 "$2"
}

main() { # COMMAND [ARGUMENT…]
  local command=${1:-} names
  [ "$#" -eq 0 ] || shift
  mapfile -t names < <(targets)
  [ "$#" -eq 0 ] || names=("$@")
  case $command in
    run | minimise)
      build
      "$command" "${names[@]}"
      ;;
    case)
      [ "$#" -eq 2 ] || usage
      build
      one_case "$@"
      ;;
    *) usage ;;
  esac
}

main "$@"
