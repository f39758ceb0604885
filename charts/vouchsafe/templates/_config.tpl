{{/* The configuration of Vouchsafe, as it stands in the ConfigMap. */}}
{{- define "vouchsafe.config" -}}
{{- $features := omit .Values.application.features "namespacedValidation" "cache" -}}
{{- $config := dict
  "validators" (fromYamlArray (include "vouchsafe.validators" .))
  "policy" .Values.application.policy
  "features" $features -}}
{{- with .Values.alerting }}{{ $_ := set $config "alerting" (fromYaml (include "vouchsafe.alerting" $)) }}{{ end -}}
{{- $config = merge $config (deepCopy .Values.config) -}}
{{- if eq .Values.topology "airGap" }}{{ $_ := set $config "sync" (dict "schedule" "never") }}{{ end -}}
{{- if include "vouchsafe.bundleCredentials" . }}
{{- $_ := set $config.bundles.pull "auth" (merge (dict "secretName" "bundle-credentials") (omit $config.bundles.pull.auth "username" "password" "registry")) }}
{{- end -}}
{{- if include "vouchsafe.usesApiServer" . }}
{{- $kubernetes := dict "namespace" .Release.Namespace -}}
{{- if include "vouchsafe.feeds" . }}{{ $_ := set $kubernetes "feed" true }}{{ end -}}
{{- if include "vouchsafe.owners" . }}{{ $_ := set $kubernetes "owners" true }}{{ end -}}
{{- if include "vouchsafe.reports" . }}{{ $_ := set $kubernetes "reports" true }}{{ end -}}
{{- if include "vouchsafe.selfManaged" . }}
{{- $_ := set $kubernetes "certificate" (dict "secret" (include "vouchsafe.tlsSecret" .) "service" (include "vouchsafe.fullname" .) "webhook" (include "vouchsafe.fullname" .)) }}
{{- end -}}
{{- $_ := set $config "kubernetes" $kubernetes -}}
{{- end -}}
{{- toYaml $config }}
{{- end }}

{{/* The validators, with credentials replaced by the name of the Secret that the chart puts them into. */}}
{{- define "vouchsafe.validators" -}}
{{- $validators := list -}}
{{- range .Values.application.validators -}}
{{- $validator := deepCopy . -}}
{{- if hasKey (.auth | default dict) "username" -}}
{{- $_ := set $validator "auth" (merge (dict "secretName" (printf "%s-auth" .name)) (omit .auth "username" "password" "registry")) -}}
{{- end -}}
{{- $validators = append $validators $validator -}}
{{- end -}}
{{- toYaml $validators }}
{{- end }}

{{/* What alerts are sent to, with URLs and headers replaced by the files that hold them. */}}
{{- define "vouchsafe.alerting" -}}
{{- $alerting := deepCopy .Values.alerting -}}
{{- range $list := list "admitRequest" "rejectRequest" -}}
{{- $receivers := list -}}
{{- range $index, $receiver := dig $list "receivers" list $.Values.alerting -}}
{{- $receiver := deepCopy $receiver -}}
{{- $file := printf "%s/alerting/%s-%d" (include "vouchsafe.secretsFolder" $) $list $index -}}
{{- if $receiver.receiverUrl }}{{ $receiver = set (omit $receiver "receiverUrl") "receiverUrlFile" (printf "%s-url" $file) }}{{ end -}}
{{- if $receiver.customHeaders }}{{ $receiver = set (omit $receiver "customHeaders") "customHeadersFile" (printf "%s-headers" $file) }}{{ end -}}
{{- $receivers = append $receivers $receiver -}}
{{- end -}}
{{- if $receivers }}{{ $_ := set $alerting $list (merge (dict "receivers" $receivers) (get $alerting $list)) }}{{ end -}}
{{- end -}}
{{- toYaml $alerting }}
{{- end }}

{{/* The Secret of what `vouchsafe.alerting` takes out, as stringData. */}}
{{- define "vouchsafe.alertingSecret" -}}
{{- $data := dict -}}
{{- range $list := list "admitRequest" "rejectRequest" -}}
{{- range $index, $receiver := dig $list "receivers" list $.Values.alerting -}}
{{- with $receiver.receiverUrl }}{{ $_ := set $data (printf "%s-%d-url" $list $index) . }}{{ end -}}
{{- if and $receiver.customHeaders (not $receiver.customHeadersFile) }}{{ $_ := set $data (printf "%s-%d-headers" $list $index) (join "\n" $receiver.customHeaders) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- if $data }}{{ toYaml $data }}{{ end }}
{{- end }}

{{- define "vouchsafe.secretsFolder" -}}
/etc/vouchsafe/secrets
{{- end }}

{{/* The Secrets of the validators' credentials, as a list of `folder` (what `auth.secretName` says) and `secret`. */}}
{{- define "vouchsafe.validatorSecrets" -}}
{{- $secrets := list -}}
{{- range .Values.application.validators -}}
{{- $auth := .auth | default dict -}}
{{- if hasKey $auth "username" -}}
{{- $secrets = append $secrets (dict "folder" (printf "%s-auth" .name) "secret" (printf "%s-%s-auth" (include "vouchsafe.fullname" $) .name)) -}}
{{- else if $auth.secretName -}}
{{- $secrets = append $secrets (dict "folder" $auth.secretName "secret" $auth.secretName) -}}
{{- end -}}
{{- end -}}
{{- toYaml (uniq $secrets) }}
{{- end }}

{{/* The credentials for the registry that replicas pull bundles from, where the values have them: as YAML, for a Secret of the chart. */}}
{{- define "vouchsafe.bundleCredentials" -}}
{{- $auth := dig "bundles" "pull" "auth" dict .Values.config | default dict -}}
{{- if hasKey $auth "username" }}{{ toYaml (pick $auth "username" "password" "registry") }}{{ end }}
{{- end }}

{{/* The Secrets that a Pod mounts. Takes (list CONTEXT COMPONENT). */}}
{{- define "vouchsafe.secrets" -}}
{{- $context := index . 0 -}}
{{- $secrets := list -}}
{{- $fetches := ternary "webhook" (ternary "syncer" "" (eq $context.Values.topology "cluster")) (eq $context.Values.topology "standalone") -}}
{{- if eq $fetches (index . 1) }}{{ $secrets = fromYamlArray (include "vouchsafe.validatorSecrets" $context) }}{{ end -}}
{{- if eq (index . 1) "webhook" -}}
{{- if include "vouchsafe.bundleCredentials" $context }}{{ $secrets = append $secrets (dict "folder" "bundle-credentials" "secret" (printf "%s-bundle-credentials" (include "vouchsafe.fullname" $context))) }}{{ end -}}
{{- with dig "bundles" "pull" "auth" "secretName" "" $context.Values.config }}{{ $secrets = append $secrets (dict "folder" . "secret" .) }}{{ end -}}
{{- if include "vouchsafe.alertingSecret" $context }}{{ $secrets = append $secrets (dict "folder" "alerting" "secret" (printf "%s-alerting" (include "vouchsafe.fullname" $context))) }}{{ end -}}
{{- range $context.Values.extraSecrets }}{{ $secrets = append $secrets (dict "folder" . "secret" .) }}{{ end -}}
{{- end -}}
{{- toYaml (uniq $secrets) }}
{{- end }}

{{/* The ports of URLs or host names. Takes a list; gives a list. */}}
{{- define "vouchsafe.portsOf" -}}
{{- $ports := list -}}
{{- range . -}}
{{- $url := urlParse (contains "://" . | ternary . (printf "https://%s" .)) -}}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" -}}
{{- $ports = append $ports (int ($port | default (ternary "80" "443" (eq $url.scheme "http")))) -}}
{{- end -}}
{{- toYaml (uniq $ports | sortAlpha) }}
{{- end }}

{{/* The Notary servers' hosts, as they are written; a list. */}}
{{- define "vouchsafe.notaryHosts" -}}
{{- $hosts := list -}}
{{- range .Values.application.validators -}}
{{- if eq .type "notaryv1" }}{{ $hosts = append $hosts (.host | default "notary.docker.io") }}{{ end -}}
{{- end -}}
{{- toYaml (uniq $hosts) }}
{{- end }}

{{/* The URLs of alert receivers; those in files are taken for https. A list. */}}
{{- define "vouchsafe.receiverUrls" -}}
{{- $urls := list -}}
{{- range $list := list "admitRequest" "rejectRequest" -}}
{{- range dig $list "receivers" list $.Values.alerting }}{{ $urls = append $urls (.receiverUrl | default "https://receiver") }}{{ end -}}
{{- end -}}
{{- toYaml (uniq $urls) }}
{{- end }}
