{{/* Names. */}}
{{- define "vouchsafe.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 53 | trimSuffix "-" }}
{{- end }}

{{- define "vouchsafe.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "vouchsafe.name" .) .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "vouchsafe.name" .) | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "vouchsafe.serviceAccount.webhook" -}}
{{- with .Values.serviceAccount.webhook }}{{ .name | default (ternary (include "vouchsafe.fullname" $) "default" .create) }}{{ end }}
{{- end }}

{{- define "vouchsafe.serviceAccount.syncer" -}}
{{- with .Values.serviceAccount.syncer }}{{ .name | default (ternary (printf "%s-syncer" (include "vouchsafe.fullname" $)) "default" .create) }}{{ end }}
{{- end }}

{{- define "vouchsafe.tlsSecret" -}}
{{- if eq .Values.tls.mode "existingSecret" }}{{ .Values.tls.existingSecret.name }}{{ else }}{{ include "vouchsafe.fullname" . }}-tls{{ end }}
{{- end }}

{{/* Labels of every object. Takes (list CONTEXT COMPONENT), as the next two do. */}}
{{- define "vouchsafe.labels" -}}
{{- $chart := (index . 0).Chart -}}
helm.sh/chart: {{ printf "%s-%s" $chart.Name $chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service }}
{{ include "vouchsafe.podLabels" . }}
{{- end }}

{{/* Labels of every Pod: a new version of the chart alone restarts none. */}}
{{- define "vouchsafe.podLabels" -}}
{{- $context := index . 0 -}}
{{- $labels := fromYaml (include "vouchsafe.selector" .) -}}
{{- $_ := set $labels "app.kubernetes.io/part-of" "vouchsafe" -}}
{{- $_ := set $labels "app.kubernetes.io/version" (trunc 63 $context.Chart.AppVersion) -}}
{{- toYaml (merge $labels $context.Values.commonLabels (dig "additionalLabels" dict $context.Values.kubernetes | default dict)) }}
{{- end }}

{{/* Labels by which Pods are selected. */}}
{{- define "vouchsafe.selector" -}}
{{- $context := index . 0 -}}
app.kubernetes.io/name: {{ include "vouchsafe.name" $context }}
app.kubernetes.io/instance: {{ $context.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* The metadata of an object. Takes (dict "context" . "component" C "name" N) and, at will, "annotations", "labels", "cluster" (without a namespace). */}}
{{- define "vouchsafe.metadata" -}}
name: {{ .name }}
{{- if not .cluster }}
namespace: {{ .context.Release.Namespace }}
{{- end }}
labels:
  {{- toYaml (merge (deepCopy (.labels | default dict)) (fromYaml (include "vouchsafe.labels" (list .context .component)))) | nindent 2 }}
{{- with merge (deepCopy (.annotations | default dict)) .context.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The one image. */}}
{{- define "vouchsafe.image" -}}
{{- $image := .Values.image -}}
{{- $registry := .Values.global.imageRegistry | default $image.registry -}}
{{- with $registry }}{{ . | trimSuffix "/" }}/{{ end }}{{ $image.repository }}
{{- if or $image.tag (not $image.digest) }}:{{ $image.tag | default .Chart.AppVersion }}{{ end }}
{{- with $image.digest }}@{{ . }}{{ end }}
{{- end }}

{{- define "vouchsafe.imagePullSecrets" -}}
{{- $names := list -}}
{{- $theirs := dig "deployment" "imagePullSecrets" list .Values.kubernetes | default list -}}
{{- range concat (.Values.global.imagePullSecrets | default list) .Values.imagePullSecrets $theirs -}}
{{- $names = append $names (kindIs "string" . | ternary . (get (kindIs "map" . | ternary . dict) "name")) -}}
{{- end -}}
{{- with $names | uniq -}}
imagePullSecrets:
{{- range . }}
- name: {{ . }}
{{- end }}
{{- end }}
{{- end }}

{{/* A value of Connaisseur's `kubernetes.deployment`, or else the chart's own. Takes (list CONTEXT THEIRS OURS); as JSON. */}}
{{- define "vouchsafe.either" -}}
{{- $deployment := dig "deployment" dict (index . 0).Values.kubernetes | default dict -}}
{{- $theirs := get $deployment (index . 1) -}}
{{- if and (hasKey $deployment (index . 1)) (not (kindIs "invalid" $theirs)) }}{{ toJson $theirs }}{{ else }}{{ toJson (index . 2) }}{{ end }}
{{- end }}

{{- define "vouchsafe.replicas" -}}
{{- include "vouchsafe.either" (list . "replicasCount" .Values.replicaCount) }}
{{- end }}

{{/* Whether the webhook keeps its store on volumes of its own, and so is a StatefulSet. */}}
{{- define "vouchsafe.isStateful" -}}
{{- if .Values.store.persistence.enabled }}true{{ end }}
{{- end }}

{{/* What is exchanged with the API server. Each is "true" or empty. */}}
{{- define "vouchsafe.feeds" -}}
{{- if ne .Values.topology "standalone" }}true{{ end }}
{{- end }}

{{- define "vouchsafe.owners" -}}
{{- $features := .Values.application.features -}}
{{- if and (ne (toString $features.automaticChildApproval) "false") (ne $features.resourceValidationMode "podsOnly") }}true{{ end }}
{{- end }}

{{- define "vouchsafe.reports" -}}
{{- if .Values.reports.enabled }}true{{ end }}
{{- end }}

{{- define "vouchsafe.selfManaged" -}}
{{- if eq .Values.tls.mode "selfManaged" }}true{{ end }}
{{- end }}

{{/* Whether one of the replicas leads. */}}
{{- define "vouchsafe.leads" -}}
{{- if or (include "vouchsafe.feeds" .) (include "vouchsafe.owners" .) (include "vouchsafe.reports" .) (include "vouchsafe.selfManaged" .) }}true{{ end }}
{{- end }}

{{- define "vouchsafe.usesApiServer" -}}
{{- if or (include "vouchsafe.leads" .) (include "vouchsafe.webhookDiscovers" .) }}true{{ end }}
{{- end }}

{{/* Whether replicas, which sync themselves, look for images in the cluster. */}}
{{- define "vouchsafe.webhookDiscovers" -}}
{{- if eq .Values.topology "standalone" }}{{ include "vouchsafe.discoversFromCluster" . }}{{ end }}
{{- end }}

{{/* Whether replicas watch every kind that runs images; for reports, Pods are enough. */}}
{{- define "vouchsafe.watchesWorkloads" -}}
{{- if or (include "vouchsafe.owners" .) (include "vouchsafe.webhookDiscovers" .) }}true{{ end }}
{{- end }}

{{- define "vouchsafe.discoversFromCluster" -}}
{{- if dig "sync" "discover" "cluster" false .Values.config }}true{{ end }}
{{- end }}

{{/* Whether anything is denied: neither detection mode, nor a rule for every image that only warns. */}}
{{- define "vouchsafe.enforces" -}}
{{- $enforces := not .Values.application.features.detectionMode -}}
{{- range .Values.application.policy -}}
{{- if and (eq (toString .mode) "warn") (has .pattern (list "*" "*:*" "*/*" "*/*:*")) }}{{ $enforces = false }}{{ end -}}
{{- end -}}
{{- if $enforces }}true{{ end }}
{{- end }}
