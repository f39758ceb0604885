#!/usr/bin/env bash
# Installs what the tests and the demo run beside Vouchsafe: Debian's Notary and
# registry, and the tools that tests and scripts call. Does nothing where all is there.
#
#   usage: install.sh [COMMAND…]   as root on Debian 12 or later (or as anyone, once all is installed);
#                                  with commands, only what brings these
set -euo pipefail

# command → packages that bring it, blank-separated; the C compiler is for the cryptography crate.
declare -A PACKAGE_OF=(
  [/usr/lib/cni/bridge]=containernetworking-plugins
  [c++]=g++
  [cc]="gcc libc6-dev"
  [containerd]=containerd
  [curl]=curl
  [dnsmasq]=dnsmasq-base
  [docker-registry]=docker-registry
  [etcd]=etcd-server
  [faketime]=faketime
  [go]="golang-go ca-certificates"
  [ip]=iproute2
  [iptables]=iptables
  [jq]=jq
  [make]=make
  [mariadbd]=mariadb-server-core
  [modprobe]=kmod
  [my_print_defaults]=mariadb-client-core
  [notary]=notary
  [notary-server]=notary
  [notary-signer]=notary
  [nsenter]=util-linux
  [openssl]=openssl
  [python3]=python3
  [runc]=runc
  [skopeo]=skopeo
  [strace]=strace
  [strip]=binutils
  [unshare]=util-linux
  [update-ca-certificates]=ca-certificates
  [wrk]=wrk
)

# What every test run and the demo need.
BASE=(cc curl dnsmasq docker-registry faketime ip jq make notary notary-server notary-signer nsenter openssl skopeo strace unshare wrk)

missing_packages() { # COMMAND…
  local command
  for command in "$@"; do
    # shellcheck disable=SC2086 # split into packages
    command -v "$command" >/dev/null || printf '%s\n' ${PACKAGE_OF[$command]}
  done | sort -u
  [ -d /etc/ssl/certs ] || echo ca-certificates
}

# Debian starts no service while this answers 101; the packages are needed as programs only.
forbid_services() {
  [ ! -e /usr/sbin/policy-rc.d ] || return 0
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod +x /usr/sbin/policy-rc.d
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
}

main() { # [COMMAND…]
  local packages log
  [ "$#" -gt 0 ] || set -- "${BASE[@]}"
  mapfile -t packages < <(missing_packages "$@")
  [ "${#packages[@]}" -gt 0 ] || return 0

  if ! command -v apt-get >/dev/null; then
    echo "install.sh: missing: ${packages[*]}; install them by hand, this is not a Debian system" >&2
    return 2
  fi
  if [ "$(id -u)" -ne 0 ]; then
    echo "install.sh: missing: ${packages[*]}; run as root, or: sudo apt-get install ${packages[*]}" >&2
    return 2
  fi

  echo "installing ${packages[*]}"
  log=$(mktemp)
  forbid_services
  export DEBIAN_FRONTEND=noninteractive
  # The lists may be absent or too old to name what the mirror still holds: fetch them when an
  # installation without them fails.
  if ! apt-get install -qq -y --no-install-recommends "${packages[@]}" >"$log" 2>&1 &&
    ! { apt-get update -qq && apt-get install -qq -y --no-install-recommends "${packages[@]}"; } >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    echo "install.sh: could not install ${packages[*]}" >&2
    return 2
  fi
  rm -f "$log"
}

main "$@"
