#!/usr/bin/env bash
# Runs everything of the tests of kills, damaged files, disks and clocks, of which `make test` runs a share, and prints
# what came of it as a table.
#
#   usage: faults.sh    as root on Debian 12 or later; takes about half an hour on two cores
#
#   CARGO           the cargo to use
#   VOUCHSAFE_SEED  the seed of another run, to have that again; each test prints its own
set -euo pipefail

cd "$(dirname "$0")/../.."
readonly CARGO=${CARGO:-cargo}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

table() { # LOG
  printf '\n| what | how often | what came of it |\n|---|---|---|\n'
  # The runner writes the name of a test in front of the first line that it prints.
  sed -n 's/^\(test .* \.\.\. \)\{0,1\}\(| .* |\)$/\2/p' "$1"
}

"$CARGO" build --locked --package vouchsafe
VOUCHSAFE_FAULTS=all "$CARGO" test --locked --workspace --test damage --test faults --test kill --test kill_import \
  --no-fail-fast -- --nocapture --test-threads=1 | tee "$log" || { table "$log"; exit 1; }
table "$log"
