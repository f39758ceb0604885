# shellcheck shell=bash
# Kubernetes' programs out of the Go module that tests/kubernetes/go.mod pins. Sourced; needs $HERE, fail and lib/go.sh.

KUBERNETES_MODULE=$HERE/../kubernetes
KUBERNETES_PROGRAMS=(kube-apiserver kubectl)

# Sets ASSETS to the folder that holds every program of an API server alone.
build_programs() {
  if [ -n "${KUBEBUILDER_ASSETS:-}" ]; then
    ASSETS=$KUBEBUILDER_ASSETS
    require_programs
    return
  fi
  build_missing "${KUBERNETES_PROGRAMS[@]}"
}

# Sets ASSETS to the folder of built programs and builds those of the named that it lacks.
build_missing() { # PROGRAM…
  local version program
  version=$(kubernetes_version)
  ASSETS=${KUBERNETES_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vouchsafe}/kubernetes-$version
  mkdir -p "$ASSETS"
  # One at a time: two builds would only slow each other down.
  exec {BUILD_LOCK}>"$ASSETS/.lock"
  flock "$BUILD_LOCK"
  "$HERE/install.sh" curl etcd jq openssl >&2
  ln -sfn "$(command -v etcd)" "$ASSETS/etcd"
  for program in "$@"; do
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
  require_go "$KUBERNETES_MODULE/go.mod" "${ASSETS%/*}"
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
