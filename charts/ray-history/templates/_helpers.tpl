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
app.kubernetes.io/name: {{ include "ray-history.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: server
{{- end }}

{{- define "ray-history.labels" -}}
app.kubernetes.io/name: {{ include "ray-history.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/part-of: ray-history
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
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
