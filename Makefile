# make demo    the walk-through: real Notary server, real registry, sync, admission with the server down
# make test    every test, on a machine where nothing but Rust is installed
# make lint    formatting, clippy, shell scripts' syntax, documentation; warnings are errors
# make format  formats the Rust code
# make bench   the benchmarks; prints the budgets, writes docs/performance.md and its plots anew; half an hour
# make abuse   abuses a server in every way that there is for ten seconds each, and prints what honest clients got: fifteen minutes
# make faults  kills, damaged files, full disks and jumping clocks by the thousand, as root; prints a table (docs/reliability.md)
# make differential COUNT=5000 SEED=1  generated histories of repositories, put to Notary's client library and to Vouchsafe
# make fuzz    fuzzes what reads outside bytes, TIME=60 seconds for each of TARGETS="key repository …", all where none is named
# make schema  writes docs/config.schema.json and the chart's custom resources anew from the types
# make doc     the API documentation, into target/doc
# make image   the container image, from scratch, into target/image; needs no container engine (docs/image.md)
# make check-image  looks into that image and runs it, as root
# make demo-cluster  the walk-through on a whole cluster, as root
# make test-cluster  the tests on a whole cluster that runs containers, as root; builds the image, unless VOUCHSAFE_IMAGE_ARCHIVE names one

CARGO ?= cargo
SCRIPTS := .ci/run $(wildcard scripts/*.sh scripts/*/*.sh tests/scripts/*.sh tests/scripts/lib/*.sh tests/scripts/lib/*/*.sh tests/fuzz/*/*.sh)

.PHONY: help demo test lint format bench abuse differential faults fuzz schema doc image check-image demo-cluster test-cluster kubernetes oras reference packages database toolchain
.DEFAULT_GOAL := help

help:
	@sed -n 's/^# make/make/p' $(firstword $(MAKEFILE_LIST))
.PHONY: help

demo: toolchain
	@tests/scripts/demo.sh

# The end-to-end tests run the binary, so it is built first.
test: packages kubernetes oras reference toolchain
	$(CARGO) build --locked --package vouchsafe
	$(CARGO) test --locked --workspace

lint: toolchain doc
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	@for script in $(SCRIPTS); do bash -n "$$script" || exit 1; done

format: toolchain
	$(CARGO) fmt --all

bench: packages kubernetes database toolchain
	$(CARGO) build --locked --release --package vouchsafe
	$(CARGO) bench --locked --package vouchsafe-tests --package vouchsafe-store --package vouchsafe-policy --benches
	$(CARGO) bench --locked --package vouchsafe-tests --bench summary

abuse: packages toolchain
	$(CARGO) build --locked --release --package vouchsafe
	$(CARGO) run --locked --release --package vouchsafe-tests --bin abuse

faults: packages toolchain
	@tests/scripts/faults.sh

COUNT ?= 5000
SEED ?= 1

# As `make test` builds it: the dependencies are optimised there, and building everything anew takes longer than it gains.
differential: packages reference toolchain
	VOUCHSAFE_HISTORIES=$(COUNT) VOUCHSAFE_HISTORY_SEED=$(SEED) \
	  $(CARGO) test --locked --workspace --test differential -- --nocapture

# Its seeds and found cases are replayed by `make test`.
fuzz: packages reference toolchain
	@TIME="$(or $(TIME),60)" tests/scripts/fuzz.sh run $(TARGETS)

schema: toolchain
	$(CARGO) build --locked --package vouchsafe
	target/debug/vouchsafe config schema > docs/config.schema.json
	target/debug/vouchsafe cluster crds | awk -v kinds="repositories repositoryparts" \
	  'BEGIN { split(kinds, kind) } /^---$$/ { file = "charts/vouchsafe/files/crds/trust" kind[++n] ".yaml"; printf "" > file; next } { print > file }'

doc: export RUSTDOCFLAGS := -D warnings
doc: toolchain
	$(CARGO) doc --locked --workspace --no-deps

image: toolchain
	@scripts/image.sh build

# Needs the image, and does not build it: it may have come from elsewhere.
check-image:
	@scripts/image.sh check

# Both build what they lack.
demo-cluster: toolchain
	@tests/scripts/cluster-demo.sh

test-cluster: toolchain
	@tests/scripts/cluster-test.sh

# The API server for the end-to-end tests; built once, which takes minutes.
kubernetes: packages
	@tests/scripts/kubernetes.sh build

# Copies bundles between registries in the tests; built once, which takes seconds.
oras: packages
	@tests/scripts/oras.sh build

# Notary's own code, which tests compare with; built once, which takes seconds.
reference: packages
	@tests/scripts/reference.sh build

packages:
	@tests/scripts/install.sh

# What benchmarks keep a Notary server's data in; the second is what mariadb-install-db lacks without the other package.
database: packages
	@tests/scripts/install.sh mariadbd my_print_defaults

toolchain:
	@command -v $(CARGO) >/dev/null || { \
	  echo "$(CARGO) not found: install Rust from https://rustup.rs (rust-toolchain.toml names the version)" >&2; exit 2; }
