{{- define "ray-history.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* What names begin with: short enough for "-server-" and the hashes that Kubernetes adds. */}}
{{- define "ray-history.fullname" -}}
{{- $name := include "ray-history.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "ray-history.selector" -}}
app.kubernetes.io/name: {{ include "ray-history.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: server
{{- end }}

{{- define "ray-history.labels" -}}
app.kubernetes.io/name: {{ include "ray-history.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/part-of: ray-history
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- /*
Labels and annotations of an object, from (list root own fixed): its own values, those of all objects, the chart's.
What selectors and controllers go by (`fixed`, the name, the instance) no value changes.
*/}}
{{- define "ray-history.metadata" -}}
{{- $root := index . 0 }}
{{- $own := index . 1 }}
{{- $fixed := index . 2 }}
{{- $labels := include "ray-history.labels" $root | fromYaml }}
{{- $identity := pick $labels "app.kubernetes.io/name" "app.kubernetes.io/instance" }}
{{- $labels = merge (default dict $root.Values.commonLabels | deepCopy) $labels }}
{{- $labels = merge (dict) (default dict $fixed.labels) $identity (default dict $own.labels) $labels }}
labels:
  {{- toYaml $labels | nindent 2 }}
{{- $common := default dict $root.Values.commonAnnotations }}
{{- with merge (dict) (default dict $fixed.annotations) (default dict $own.annotations) $common }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* A part of an object, from (list root template fields): what the template makes, with fields that replace its. */}}
{{- define "ray-history.with" -}}
{{- $part := include (index . 1) (index . 0) | fromYaml }}
{{- with $part.Error }}
{{- fail . }}
{{- end }}
{{- range $field, $value := index . 2 }}
{{- $_ := set $part $field $value }}
{{- end }}
{{- toYaml $part }}
{{- end }}

{{- /* The port that the server listens on. */}}
{{- define "ray-history.port" -}}
{{- regexFind "[0-9]+$" .Values.server.listen }}
{{- end }}

{{- define "ray-history.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (printf "%s-server" (include "ray-history.fullname" .)) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name is needed when serviceAccount.create is false" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "ray-history.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{- /* The namespaces of a limited installation. */}}
{{- define "ray-history.namespaces" -}}
{{- default (list .Release.Namespace) .Values.rbac.namespaces | toJson }}
{{- end }}

{{- /* The Secret that the RayHistory names, else the one that is promised to whoever writes one. */}}
{{- define "ray-history.secret" -}}
{{- $name := .Values.credentials.secretName }}
{{- range $store := .Values.rayHistory.spec.storage }}
{{- if and (kindIs "map" $store) $store.credentialsSecretRef }}
{{- $name = $store.credentialsSecretRef.name }}
{{- end }}
{{- end }}
{{- $name }}
{{- end }}

{{- /* What people's links begin with. */}}
{{- define "ray-history.baseUrl" -}}
{{- if .Values.server.baseUrl }}
{{- .Values.server.baseUrl }}
{{- else if .Values.ingress.enabled }}
{{- printf "%s://%s%s" (ternary "https" "http" (not (empty .Values.ingress.tlsSecretName))) .Values.ingress.host (trimSuffix "/" (include "ray-history.ingressPrefix" .)) }}
{{- else if and .Values.httpRoute.enabled .Values.httpRoute.hostnames }}
{{- printf "https://%s%s" (first .Values.httpRoute.hostnames) (trimSuffix "/" .Values.httpRoute.path) }}
{{- end }}
{{- end }}

{{- /* A path that is no regular expression. */}}
{{- define "ray-history.ingressPrefix" -}}
{{- if eq .Values.ingress.pathType "ImplementationSpecific" }}
{{- first (splitList "(" .Values.ingress.path) | trimSuffix "/" }}
{{- else }}
{{- .Values.ingress.path }}
{{- end }}
{{- end }}
