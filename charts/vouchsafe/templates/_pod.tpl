{{/* The security contexts that the Pod security standard `restricted` asks for, and a read-only root. */}}
{{- define "vouchsafe.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "vouchsafe.securityContext" -}}
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
privileged: false
readOnlyRootFilesystem: true
runAsNonRoot: true
{{- end }}

{{/* What every command is told. */}}
{{- define "vouchsafe.commonArguments" -}}
- --config=/etc/vouchsafe/config/config.yaml
- --store=/var/lib/vouchsafe
- --secrets={{ include "vouchsafe.secretsFolder" . }}
- --log-format={{ ternary "text" "json" (eq .Values.application.logFormat "text") }}
{{- if eq .Values.application.logLevel "debug" }}
- --verbose
{{- else if eq .Values.application.logLevel "trace" }}
- -vv
{{- end }}
{{- end }}

{{/* Mounts and volumes of Secrets. Take a list as `vouchsafe.secrets` gives it. */}}
{{- define "vouchsafe.secretMounts" -}}
{{- $mounts := list -}}
{{- range $index, $secret := . -}}
{{- $mounts = append $mounts (dict "name" (printf "secret-%d" $index) "mountPath" (printf "/etc/vouchsafe/secrets/%s" $secret.folder) "readOnly" true) -}}
{{- end -}}
{{- if $mounts }}{{ toYaml $mounts }}{{ end }}
{{- end }}

{{- define "vouchsafe.secretVolumes" -}}
{{- $volumes := list -}}
{{- range $index, $secret := . -}}
{{- $volumes = append $volumes (dict "name" (printf "secret-%d" $index) "secret" (dict "secretName" $secret.secret "defaultMode" 0440)) -}}
{{- end -}}
{{- if $volumes }}{{ toYaml $volumes }}{{ end }}
{{- end }}

{{- define "vouchsafe.podNamespace" -}}
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
{{- end }}

{{/*
What fetches trust data, or takes bundles in, and publishes it: a list of `name` and `steps`, each with `name` and `args`. A run for each bundle, with a
store of its own, which one process at a time can hold: so a bundle that is bad or missing keeps no other one out.
*/}}
{{- define "vouchsafe.syncRuns" -}}
{{- $publish := "--publish=kubernetes" -}}
{{- $all := list -}}
{{- if eq .Values.topology "cluster" -}}
{{- $all = append $all (list (dict "name" "sync" "args" (list "sync" $publish))) -}}
{{- else if eq .Values.airGap.source "registry" -}}
{{- $registry := .Values.airGap.registry -}}
{{- range $registry.references -}}
{{- $folder := "/bundles/pulled" -}}
{{- $pull := list "bundle" "pull" . (printf "--directory=%s" $folder) -}}
{{- if $registry.dockerConfigSecret }}{{ $pull = append $pull "--docker-config=/etc/vouchsafe/registry/.dockerconfigjson" }}{{ end -}}
{{- if $registry.caBundle }}{{ $pull = append $pull "--ca=/etc/vouchsafe/config/registry-ca.pem" }}{{ end -}}
{{- $all = append $all (list (dict "name" "pull" "args" $pull) (dict "name" "import" "args" (list "bundle" "import" $folder $publish))) -}}
{{- end -}}
{{- else -}}
{{- range .Values.airGap.files -}}
{{- $all = append $all (list (dict "name" "import" "args" (list "bundle" "import" (printf "/bundles/%s" .) $publish))) -}}
{{- end -}}
{{- end -}}
{{- $runs := list -}}
{{- range $index, $steps := $all -}}
{{- $runs = append $runs (dict "name" (ternary (printf "sync-%d" $index) "sync" (gt $index 0)) "claim" (ternary (printf "syncer-%d" $index) "syncer" (gt $index 0)) "steps" $steps) -}}
{{- end -}}
{{- toYaml $runs }}
{{- end }}

{{/* The claim of a run's store. Takes (list CONTEXT RUN), as the next two do. */}}
{{- define "vouchsafe.syncClaim" -}}
{{- $context := index . 0 -}}
{{- $context.Values.syncer.persistence.existingClaim | default (printf "%s-%s" (include "vouchsafe.fullname" $context) (index . 1).claim) }}
{{- end }}

{{/* The Pod of a run, as a template. All steps but the last are init containers, so that they run one after the other. */}}
{{- define "vouchsafe.syncPod" -}}
{{- $run := index . 1 -}}
{{- with index . 0 -}}
metadata:
  labels:
    {{- toYaml (merge (fromYaml (include "vouchsafe.podLabels" (list . "syncer"))) .Values.syncer.podLabels) | nindent 4 }}
  {{- with .Values.syncer.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "vouchsafe.serviceAccount.syncer" . }}
  automountServiceAccountToken: true
  {{- with include "vouchsafe.imagePullSecrets" . }}
  {{- . | nindent 2 }}
  {{- end }}
  restartPolicy: Never
  enableServiceLinks: false
  {{- with .Values.syncer.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  securityContext:
    {{- include "vouchsafe.podSecurityContext" . | nindent 4 }}
  {{- with initial $run.steps }}
  initContainers:
  {{- range . }}
  - {{ include "vouchsafe.syncStep" (list (index $ 0) .) | nindent 4 | trim }}
  {{- end }}
  {{- end }}
  containers:
  - {{ include "vouchsafe.syncStep" (list . (last $run.steps)) | nindent 4 | trim }}
  volumes:
  {{- include "vouchsafe.syncVolumes" $ | nindent 2 }}
  {{- range $key := list "nodeSelector" "tolerations" "affinity" }}
  {{- with get (index $ 0).Values.syncer $key }}
  {{ $key }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "vouchsafe.syncVolumes" -}}
{{- with index . 0 -}}
- name: config
  configMap:
    name: {{ include "vouchsafe.fullname" . }}
- name: store
  {{- if .Values.syncer.persistence.enabled }}
  persistentVolumeClaim:
    claimName: {{ include "vouchsafe.syncClaim" $ }}
  {{- else }}
  emptyDir:
    sizeLimit: {{ .Values.store.sizeLimit }}
  {{- end }}
- name: tmp
  emptyDir: {}
{{- with include "vouchsafe.secretVolumes" (fromYamlArray (include "vouchsafe.secrets" (list . "syncer"))) }}
{{- . | nindent 0 }}
{{- end }}
{{- if eq .Values.topology "airGap" }}
- name: bundles
  {{- if eq .Values.airGap.source "registry" }}
  emptyDir:
    sizeLimit: {{ .Values.store.sizeLimit }}
  {{- else if eq .Values.airGap.source "configMap" }}
  configMap:
    name: {{ .Values.airGap.configMap.name }}
  {{- else }}
  persistentVolumeClaim:
    claimName: {{ .Values.airGap.persistentVolumeClaim.claimName }}
    readOnly: true
  {{- end }}
{{- if include "vouchsafe.hasRegistrySecret" . }}
- name: registry
  secret:
    secretName: {{ .Values.airGap.registry.dockerConfigSecret }}
    defaultMode: 0440
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "vouchsafe.hasRegistrySecret" -}}
{{- if and (eq .Values.airGap.source "registry") .Values.airGap.registry.dockerConfigSecret }}true{{ end }}
{{- end }}

{{/* A container of that Pod. Takes (list CONTEXT STEP). */}}
{{- define "vouchsafe.syncStep" -}}
{{- $context := index . 0 -}}
{{- $step := index . 1 -}}
{{- $isRegistry := eq $context.Values.airGap.source "registry" -}}
name: {{ $step.name }}
image: {{ include "vouchsafe.image" $context | quote }}
imagePullPolicy: {{ $context.Values.image.pullPolicy }}
args:
{{- range $step.args }}
- {{ . | quote }}
{{- end }}
{{- include "vouchsafe.commonArguments" $context | nindent 0 }}
env:
{{- include "vouchsafe.podNamespace" $context | nindent 0 }}
{{- with $context.Values.syncer.extraEnv }}
{{- toYaml . | nindent 0 }}
{{- end }}
resources:
  {{- toYaml $context.Values.syncer.resources | nindent 2 }}
securityContext:
  {{- include "vouchsafe.securityContext" $context | nindent 2 }}
volumeMounts:
- name: config
  mountPath: /etc/vouchsafe/config
  readOnly: true
- name: store
  mountPath: /var/lib/vouchsafe
- name: tmp
  mountPath: /tmp
{{- with include "vouchsafe.secretMounts" (fromYamlArray (include "vouchsafe.secrets" (list $context "syncer"))) }}
{{- . | nindent 0 }}
{{- end }}
{{- if eq $context.Values.topology "airGap" }}
- name: bundles
  mountPath: /bundles
  {{- if not $isRegistry }}
  readOnly: true
  {{- end }}
  {{- if and (eq $context.Values.airGap.source "persistentVolumeClaim") $context.Values.airGap.persistentVolumeClaim.subPath }}
  subPath: {{ $context.Values.airGap.persistentVolumeClaim.subPath }}
  {{- end }}
{{- if include "vouchsafe.hasRegistrySecret" $context }}
- name: registry
  mountPath: /etc/vouchsafe/registry
  readOnly: true
{{- end }}
{{- end }}
{{- end }}

{{/* The Pod specification of a hook. Takes (dict "context" . "name" N "args" LIST). */}}
{{- define "vouchsafe.hookPodSpec" -}}
serviceAccountName: {{ include "vouchsafe.fullname" .context }}-hooks
automountServiceAccountToken: true
{{- with include "vouchsafe.imagePullSecrets" .context }}
{{- . | nindent 0 }}
{{- end }}
restartPolicy: Never
enableServiceLinks: false
securityContext:
  {{- include "vouchsafe.podSecurityContext" .context | nindent 2 }}
containers:
- name: {{ .name }}
  image: {{ include "vouchsafe.image" .context | quote }}
  imagePullPolicy: {{ .context.Values.image.pullPolicy }}
  args:
  {{- range .args }}
  - {{ . | quote }}
  {{- end }}
  env:
  {{- include "vouchsafe.podNamespace" .context | nindent 2 }}
  resources:
    {{- toYaml .context.Values.hooks.resources | nindent 4 }}
  securityContext:
    {{- include "vouchsafe.securityContext" .context | nindent 4 }}
  volumeMounts:
  - name: tmp
    mountPath: /tmp
volumes:
- name: tmp
  emptyDir: {}
{{- with .context.Values.hooks.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .context.Values.hooks.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
