# shellcheck shell=bash
# helm out of the module tests/helm. Sourced; needs $HERE, fail, lib/go.sh and lib/tool.sh.

# Sets HELM to the program: the one that HELM names, the one in KUBEBUILDER_ASSETS, or one that is built.
provide_helm() {
  if [ -n "${HELM:-}" ]; then
    [ -x "$HELM" ] || fail "HELM is $HELM, which is no program"
  elif [ -n "${KUBEBUILDER_ASSETS:-}" ] && [ -x "$KUBEBUILDER_ASSETS/helm" ]; then
    HELM=$KUBEBUILDER_ASSETS/helm
  else
    provide_tool helm "$(tool_cache)" "$(helm_versions)"
    HELM=$PROGRAM
  fi
}

# What a release build sets: without it `helm template` renders for a Kubernetes of years ago.
helm_versions() {
  local minor
  minor=$(sed -n 's/^.*k8s\.io\/client-go v0\.\([0-9]*\)\..*/\1/p' "$HERE/../helm/go.mod")
  printf -- '-X helm.sh/helm/v3/internal/version.version=%s' "$(tool_version helm)"
  printf -- ' -X helm.sh/helm/v3/pkg/%s.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/%s.k8sVersionMinor=%s' \
    chartutil chartutil "$minor" lint/rules lint/rules "$minor"
}
