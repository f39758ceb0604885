# shellcheck shell=bash
# A Go that can build what the tests need from source. Sourced; needs $HERE and fail.

# What is fetched where no Go is new enough.
GO_VERSION=1.24.9

# Sets GO to a Go that can build the module: the one that is there or, where that is too old as in Debian 12, a newer one
# out of the module registry, which an older one can fetch.
require_go() { # GO_MOD CACHE
  "$HERE/install.sh" go jq >&2
  GO=go
  is_new_enough "$(GOTOOLCHAIN=local go env GOVERSION)" "$1" && return
  local root=$2/go-$GO_VERSION
  GO=$root/bin/go
  [ -x "$GO" ] || fetch_go "$root"
}

is_new_enough() { # VERSION GO_MOD
  local wanted
  wanted=$(sed -n 's/^go //p' "$2")
  [ "$(printf '%s\n' "$wanted" "${1#go}" | sort -V | head -n 1)" = "$wanted" ]
}

fetch_go() { # DIRECTORY
  local module empty fetched
  module=golang.org/toolchain@v0.0.1-go$GO_VERSION.$(go env GOHOSTOS)-$(go env GOHOSTARCH)
  echo "fetching Go $GO_VERSION" >&2
  empty=$(mktemp -d)
  fetched=$(cd "$empty" && GOTOOLCHAIN=local GOFLAGS= go mod download -json "$module" | jq -r '.Dir // empty') || fetched=
  rmdir "$empty"
  [ -n "$fetched" ] || fail "cannot fetch $module: install Go of that version or later"
  rm -rf "$1" "$1.new"
  # A module's files are read-only and not executable.
  cp -r --no-preserve=mode "$fetched" "$1.new"
  chmod +x "$1.new"/bin/* "$1.new"/pkg/tool/*/*
  mv "$1.new" "$1"
}
