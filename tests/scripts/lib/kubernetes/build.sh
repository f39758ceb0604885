# shellcheck shell=bash
# Kubernetes' programs out of the Go module that tests/kubernetes/go.mod pins. Sourced; needs $HERE and fail.

KUBERNETES_MODULE=$HERE/../kubernetes
KUBERNETES_PROGRAMS=(kube-apiserver kubectl)
# What is fetched where no Go is new enough.
GO_VERSION=1.24.9

# Sets ASSETS to the folder that holds every program.
build_programs() {
  if [ -n "${KUBEBUILDER_ASSETS:-}" ]; then
    ASSETS=$KUBEBUILDER_ASSETS
    require_programs
    return
  fi
  local version
  version=$(kubernetes_version)
  ASSETS=${KUBERNETES_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vouchsafe}/kubernetes-$version
  mkdir -p "$ASSETS"
  # One at a time: two builds would only slow each other down.
  exec {BUILD_LOCK}>"$ASSETS/.lock"
  flock "$BUILD_LOCK"
  "$HERE/install.sh" curl etcd jq openssl >&2
  ln -sfn "$(command -v etcd)" "$ASSETS/etcd"
  local program
  for program in "${KUBERNETES_PROGRAMS[@]}"; do
    [ -x "$ASSETS/$program" ] || build_program "$program" "$version"
  done
  exec {BUILD_LOCK}>&-
}

require_programs() {
  local program
  for program in etcd "${KUBERNETES_PROGRAMS[@]}"; do
    [ -x "$ASSETS/$program" ] || fail "KUBEBUILDER_ASSETS is $ASSETS, which holds no $program"
  done
}

kubernetes_version() {
  sed -n 's/^.*k8s.io\/kubernetes \(v[0-9.]*\).*/\1/p' "$KUBERNETES_MODULE/go.mod"
}

build_program() { # PROGRAM VERSION
  require_go
  local minor=${2#v1.} package=k8s.io/component-base/version
  minor=${minor%%.*}
  echo "building $1 $2 from source; this takes minutes" >&2
  # What a release build sets: an API server that does not know its version serves other features.
  (
    cd "$KUBERNETES_MODULE"
    CGO_ENABLED=0 GOFLAGS=-mod=readonly GOTOOLCHAIN=local nice "$GO" build -trimpath -o "$ASSETS/.$1" \
      -ldflags "-s -w -X $package.gitVersion=$2 -X $package.gitMajor=1 -X $package.gitMinor=$minor" \
      "k8s.io/kubernetes/cmd/$1"
  ) >&2
  # In one step, so that what is there is whole.
  mv "$ASSETS/.$1" "$ASSETS/$1"
}

# Sets GO to a Go that can build the module: the one that is there or, where that is too old as in Debian 12, a newer one
# out of the module registry, which an older one can fetch.
require_go() {
  "$HERE/install.sh" go jq >&2
  GO=go
  is_new_enough "$(GOTOOLCHAIN=local go env GOVERSION)" && return
  local root=${ASSETS%/*}/go-$GO_VERSION
  GO=$root/bin/go
  [ -x "$GO" ] || fetch_go "$root"
}

is_new_enough() { # VERSION
  local wanted
  wanted=$(sed -n 's/^go //p' "$KUBERNETES_MODULE/go.mod")
  [ "$(printf '%s\n' "$wanted" "${1#go}" | sort -V | head -n 1)" = "$wanted" ]
}

fetch_go() { # DIRECTORY
  local module empty fetched
  module=golang.org/toolchain@v0.0.1-go$GO_VERSION.$(go env GOHOSTOS)-$(go env GOHOSTARCH)
  echo "fetching Go $GO_VERSION" >&2
  empty=$(mktemp -d)
  fetched=$(cd "$empty" && GOTOOLCHAIN=local GOFLAGS= go mod download -json "$module" | jq -r '.Dir // empty') || fetched=
  rmdir "$empty"
  [ -n "$fetched" ] || fail "cannot fetch $module: install Go, or name built programs in KUBEBUILDER_ASSETS"
  rm -rf "$1" "$1.new"
  # A module's files are read-only and not executable.
  cp -r --no-preserve=mode "$fetched" "$1.new"
  chmod +x "$1.new"/bin/* "$1.new"/pkg/tool/*/*
  mv "$1.new" "$1"
}
