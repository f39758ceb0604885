# shellcheck shell=bash
# Programs built from source, each out of a module under tests/ of its name, and kept in the cache. The module pins the
# program as its tool, or is the program. Sourced; needs $HERE, fail and lib/go.sh.

tool_cache() { echo "${KUBERNETES_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vouchsafe}"; }

tool_package() { # MODULE
  local package
  package=$(sed -n 's/^tool //p' "$HERE/../$1/go.mod")
  echo "${package:-.}"
}

# The version of the module that the tool's package is in; of a module that is the program, what its files hash to.
tool_version() { # MODULE
  local package
  package=$(tool_package "$1")
  if [ "$package" = . ]; then
    cat "$HERE/../$1"/* | sha256sum | head -c 12
  else
    awk -v package="$package/" '$1 != "tool" && index(package, $1 "/") == 1 { print $2 }' "$HERE/../$1/go.mod"
  fi
}

# Sets PROGRAM to the tool, building it where the cache does not have it.
provide_tool() { # MODULE CACHE LDFLAGS
  local directory
  directory=$2/$1-$(tool_version "$1")
  PROGRAM=$directory/$1
  mkdir -p "$directory"
  # One at a time: two builds would only slow each other down.
  exec {BUILD_LOCK}>"$directory/.lock"
  flock "$BUILD_LOCK"
  [ -x "$PROGRAM" ] || build_tool "$1" "$2" "$3"
  exec {BUILD_LOCK}>&-
}

build_tool() { # MODULE CACHE LDFLAGS
  require_go "$HERE/../$1/go.mod" "$2"
  echo "building $1 from source" >&2
  (
    cd "$HERE/../$1"
    CGO_ENABLED=0 GOFLAGS=-mod=readonly GOTOOLCHAIN=local nice "$GO" build -trimpath -buildvcs=false -o "$PROGRAM.new" \
      -ldflags "-s -w $3" "$(tool_package "$1")"
  ) >&2
  # In one step, so that what is there is whole.
  mv "$PROGRAM.new" "$PROGRAM"
}
