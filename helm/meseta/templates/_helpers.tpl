{{/* The name of the application. */}}
{{- define "meseta.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The prefix of all names; 50 characters, so that "-master-headless" still fits. */}}
{{- define "meseta.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 46 | trimSuffix "-" }}
{{- else if contains (include "meseta.name" .) .Release.Name }}
{{- .Release.Name | trunc 46 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "meseta.name" .) | trunc 46 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "meseta.master" -}}
{{ include "meseta.fullname" . }}-master
{{- end }}

{{- define "meseta.masterHeadless" -}}
{{ include "meseta.fullname" . }}-master-headless
{{- end }}

{{/* Labels of every object. Call with (dict "root" $ "component" "master"). */}}
{{- define "meseta.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: meseta
{{ include "meseta.selector" . }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* What selects a component's pods: immutable, so that nothing here may change on upgrade. */}}
{{- define "meseta.selector" -}}
app.kubernetes.io/name: {{ include "meseta.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end }}

{{- define "meseta.annotations" -}}
{{- with .Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "meseta.image" -}}
{{- with .Values.image.registry }}{{ . }}/{{ end }}{{ .Values.image.repository }}
{{- if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ default .Chart.AppVersion .Values.image.tag }}{{ end }}
{{- end }}

{{- define "meseta.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "meseta.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "meseta.credentialsSecret" -}}
{{- default (printf "%s-credentials" (include "meseta.fullname" .)) .Values.credentials.existingSecret }}
{{- end }}

{{/* The registry, as --store takes it. */}}
{{- define "meseta.store" -}}
{{- if not .Values.etcd.endpoints }}
{{- fail "etcd.endpoints is empty: the masters need an etcd, for instance --set 'etcd.endpoints={etcd-0.etcd:2379}'" }}
{{- end -}}
etcd://{{ join "," .Values.etcd.endpoints }}
{{- end }}

{{/* The masters by their stable names, as --master takes them: agents need no way to etcd. */}}
{{- define "meseta.masters" -}}
{{- $root := . }}
{{- $names := list }}
{{- range $i := until (int .Values.master.replicas) }}
{{- $names = append $names (printf "%s-%d.%s.%s.svc.%s:%d" (include "meseta.master" $root) $i (include "meseta.masterHeadless" $root) $root.Release.Namespace $root.Values.clusterDomain (int $root.Values.master.port)) }}
{{- end }}
{{- join "," $names }}
{{- end }}

{{/* Whether TLS is on; both Secrets are named, or none. */}}
{{- define "meseta.tls" -}}
{{- with .Values.tls }}
{{- if and .masterSecret (or .agentSecret (not $.Values.agent.enabled)) }}on
{{- else if or .masterSecret .agentSecret }}
{{- fail "tls.masterSecret and tls.agentSecret go together: a cluster speaks TLS, or it does not" }}
{{- else if ne .clientAuth "none" }}
{{- fail "tls.clientAuth needs tls.masterSecret and tls.agentSecret" }}
{{- end }}
{{- end }}
{{- end }}

{{/* Flags of TLS, the same of both daemons. */}}
{{- define "meseta.tlsFlags" -}}
- --tls-cert=/etc/meseta/tls/tls.crt
- --tls-key=/etc/meseta/tls/tls.key
- --tls-ca=/etc/meseta/tls/ca.crt
- --tls-client-auth={{ .Values.tls.clientAuth }}
{{- end }}

{{/* By what name agents verify a leader whose address they were told. */}}
{{- define "meseta.tlsServerName" -}}
{{- default (printf "%s.%s.svc" (include "meseta.master" .) .Release.Namespace) .Values.tls.serverName }}
{{- end }}

{{/* Environment of traces. Call with (dict "root" $ "service" "meseta-master"). */}}
{{- define "meseta.otel" -}}
{{- if .root.Values.otel.endpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ .root.Values.otel.endpoint | quote }}
- name: OTEL_SERVICE_NAME
  value: {{ .service }}
- name: OTEL_RESOURCE_ATTRIBUTES
  value: "service.version={{ .root.Chart.AppVersion }},k8s.namespace.name=$(POD_NAMESPACE),k8s.pod.name=$(POD_NAME),k8s.node.name=$(NODE_NAME)"
{{- with .root.Values.otel.sampler }}
- name: OTEL_TRACES_SAMPLER
  value: {{ . | quote }}
{{- end }}
{{- with .root.Values.otel.samplerArg }}
- name: OTEL_TRACES_SAMPLER_ARG
  value: {{ . | quote }}
{{- end }}
{{- range $name, $value := .root.Values.otel.extra }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}
{{- end }}

{{/* Who this pod is, for flags and traces. */}}
{{- define "meseta.downward" -}}
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: POD_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
- name: POD_IP
  valueFrom: {fieldRef: {fieldPath: status.podIP}}
- name: NODE_NAME
  valueFrom: {fieldRef: {fieldPath: spec.nodeName}}
- name: HOST_IP
  valueFrom: {fieldRef: {fieldPath: status.hostIP}}
{{- end }}

{{/* The three probes of a component, all on /health: it tells alive from dead, not leader from
standby. Call with (dict "of" the component's values "root" $). */}}
{{- define "meseta.probes" -}}
{{- range $probe := list "startupProbe" "livenessProbe" "readinessProbe" }}
{{ $probe }}:
  httpGet:
    path: /health
    port: http
    {{- if include "meseta.tls" $.root }}
    scheme: HTTPS
    {{- end }}
  {{- toYaml (get $.of $probe) | nindent 2 }}
{{- end }}
{{- end }}
