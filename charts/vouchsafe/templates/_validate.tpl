{{/* What a schema cannot say: each fault names the key. */}}
{{- define "vouchsafe.validate" -}}
{{- $faults := list -}}
{{- if has .Release.Namespace (list "kube-system" "kube-public" "kube-node-lease") -}}
{{- $faults = append $faults (printf "--namespace %s: Vouchsafe does not look at its own namespace; install it into one that holds nothing else" .Release.Namespace) -}}
{{- end -}}
{{- range $kind := list "MutatingWebhookConfiguration" "ValidatingWebhookConfiguration" -}}
{{- with lookup "admissionregistration.k8s.io/v1" $kind "" (include "vouchsafe.fullname" $) -}}
{{- $owner := dict "meta.helm.sh/release-name" $.Release.Name "meta.helm.sh/release-namespace" $.Release.Namespace -}}
{{- if ne (toJson $owner) (toJson (pick (.metadata.annotations | default dict) "meta.helm.sh/release-name" "meta.helm.sh/release-namespace")) -}}
{{- $faults = append $faults (printf "fullnameOverride: the cluster has a %s `%s` that is not of this release; give this one another name" $kind .metadata.name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $names := list -}}
{{- range $index, $validator := .Values.application.validators -}}
{{- $key := printf "application.validators[%d] (%s)" $index $validator.name -}}
{{- if has $validator.type (list "cosign" "notation") -}}
{{- $faults = append $faults (printf "%s.type: %s signatures are not checked by Vouchsafe, which reads Notary v1's; keep another admission controller for them" $key $validator.type) -}}
{{- else if not (has $validator.type (list "static" "notaryv1")) -}}
{{- $faults = append $faults (printf "%s.type: `%s` is no type; there are `notaryv1` and `static`" $key $validator.type) -}}
{{- end -}}
{{- if has $validator.name $names }}{{ $faults = append $faults (printf "%s.name: another validator has the same name" $key) }}{{ end -}}
{{- $names = append $names $validator.name -}}
{{- $auth := $validator.auth | default dict -}}
{{- if ne (hasKey $auth "username") (hasKey $auth "password") -}}
{{- $faults = append $faults (printf "%s.auth: `username` and `password` belong together" $key) -}}
{{- else if and (hasKey $auth "username") (hasKey $auth "secretName") -}}
{{- $faults = append $faults (printf "%s.auth: `secretName`, or `username` and `password`: one of the two ways" $key) -}}
{{- else if and (hasKey $auth "username") (not (regexMatch "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$" $validator.name)) -}}
{{- $faults = append $faults (printf "%s.name: a Secret is named after it, so lower-case letters, digits and inner hyphens only" $key) -}}
{{- end -}}
{{- end -}}
{{- range $index, $rule := .Values.application.policy -}}
{{- $asks := $rule.validator | default "default" -}}
{{- if not (has $asks $names) }}{{ $faults = append $faults (printf "application.policy[%d].validator: no validator is named `%s`" $index $asks) }}{{ end -}}
{{- end -}}
{{- if dig "redis" false .Values.kubernetes }}{{ $faults = append $faults "kubernetes.redis: there is no Redis, since no verdict is cached; remove the key" }}{{ end -}}
{{- if and (eq .Values.topology "cluster") (eq (dig "sync" "schedule" "" .Values.config) "never") -}}
{{- $faults = append $faults "config.sync.schedule: the CronJob of `topology: cluster` runs at it, so it cannot be `never`; there is `topology: airGap`" -}}
{{- end -}}
{{- if and (eq .Values.topology "airGap") (dig "sync" "schedule" "" .Values.config) (ne (dig "sync" "schedule" "never" .Values.config) "never") -}}
{{- $faults = append $faults "config.sync.schedule: nothing is fetched under `topology: airGap`, where it is always `never`; `airGap.schedule` says when bundles are taken in" -}}
{{- end -}}
{{- $bundles := .Values.config.bundles | default dict -}}
{{- if eq .Values.topology "cluster" -}}
{{- range $key := list "directory" "pull" -}}
{{- if hasKey $bundles $key }}{{ $faults = append $faults (printf "config.bundles.%s: every replica would take bundles in by itself, which is for `topology: airGap` and `topology: standalone`" $key) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- if and (ne .Values.topology "standalone") (eq (dig "freshness" "freshnessFrom" "" .Values.config) "bundle") (not (or $bundles.directory $bundles.pull)) -}}
{{- $faults = append $faults "config.freshness.freshnessFrom: what the signers of a bundle say does not travel in TrustRepository objects, so replicas that feed from these cannot go by it; under `topology: airGap`, have them take the bundles in themselves, too, with `config.bundles.directory` or `config.bundles.pull`" -}}
{{- end -}}
{{- $auth := dig "pull" "auth" dict $bundles | default dict -}}
{{- if ne (hasKey $auth "username") (hasKey $auth "password") -}}
{{- $faults = append $faults "config.bundles.pull.auth: `username` and `password` belong together" -}}
{{- else if and (hasKey $auth "username") (hasKey $auth "secretName") -}}
{{- $faults = append $faults "config.bundles.pull.auth: `secretName`, or `username` and `password`: one of the two ways" -}}
{{- end -}}
{{- if and (eq .Values.topology "airGap") .Values.syncer.persistence.enabled .Values.syncer.persistence.existingClaim (gt (len (fromYamlArray (include "vouchsafe.syncRuns" .))) 1) -}}
{{- $faults = append $faults "syncer.persistence.existingClaim: is one claim, and the CronJob of each bundle has to have its own; leave it empty, and the chart makes them" -}}
{{- end -}}
{{- if and (eq .Values.topology "airGap") (eq .Values.airGap.source "registry") (not .Values.airGap.registry.references) -}}
{{- $faults = append $faults "airGap.registry.references: has to name at least one artifact, since `airGap.source` is `registry`" -}}
{{- end -}}
{{- if eq .Values.tls.mode "existingSecret" -}}
{{- range $key := list "name" "caBundle" -}}
{{- if not (get $.Values.tls.existingSecret $key) }}{{ $faults = append $faults (printf "tls.existingSecret.%s: is required, since `tls.mode` is `existingSecret`" $key) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- if and .Values.podDisruptionBudget.minAvailable .Values.podDisruptionBudget.maxUnavailable -}}
{{- $faults = append $faults "podDisruptionBudget: `minAvailable` or `maxUnavailable`, not both" -}}
{{- end -}}
{{- range $name := list "features" "validators" "policy" "alerting" "kubernetes" -}}
{{- if hasKey $.Values.config $name -}}
{{- $faults = append $faults (printf "config.%s: %s" $name (get (dict "features" "stands under `application.features`" "validators" "stands under `application.validators`" "policy" "stands under `application.policy`" "alerting" "stands under `alerting`" "kubernetes" "is written by the chart") $name)) -}}
{{- end -}}
{{- end -}}
{{- if $faults }}{{ fail (printf "\n\n%s\n" (join "\n" $faults)) }}{{ end -}}
{{- end }}

{{/* Keys of Connaisseur's values that are set and not used; a list. */}}
{{- define "vouchsafe.unused" -}}
{{- $unused := list -}}
{{- range $key, $_ := .Values.kubernetes.deployment | default dict -}}
{{- if not (has $key (list "replicasCount" "resources" "nodeSelector" "tolerations" "affinity" "imagePullSecrets" "podLabels" "annotations")) }}{{ $unused = append $unused (printf "kubernetes.deployment.%s" $key) }}{{ end -}}
{{- end -}}
{{- range $key, $_ := .Values.kubernetes -}}
{{- if not (has $key (list "deployment" "serviceaccount" "webhook" "podDisruptionBudget" "additionalLabels")) }}{{ $unused = append $unused (printf "kubernetes.%s" $key) }}{{ end -}}
{{- end -}}
{{- if hasKey .Values.application.features "cache" }}{{ $unused = append $unused "application.features.cache" }}{{ end -}}
{{- if has .Values.application.logLevel (list "warn" "error" "fatal") }}{{ $unused = append $unused (printf "application.logLevel: %s (info is used)" .Values.application.logLevel) }}{{ end -}}
{{- toYaml $unused }}
{{- end }}
