{{- define "kaspr-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "kaspr-operator.fullname" -}}
{{- $name := include "kaspr-operator.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* Name of cluster-scoped objects: several releases may each manage one namespace. */}}
{{- define "kaspr-operator.clusterName" -}}
{{- if .Values.watchNamespace }}
{{- printf "%s-%s" (include "kaspr-operator.fullname" .) .Release.Namespace }}
{{- else }}
{{- include "kaspr-operator.fullname" . }}
{{- end }}
{{- end }}

{{/* Name of the webhooks' Service, Issuer and Certificate. */}}
{{- define "kaspr-operator.webhookName" -}}
{{- include "kaspr-operator.fullname" . }}-webhook
{{- end }}

{{- define "kaspr-operator.certificateSecret" -}}
{{- if eq .Values.certificates.mode "existing" }}
{{- required "certificates.existing.secretName must name a Secret with tls.crt and tls.key" .Values.certificates.existing.secretName }}
{{- else if eq .Values.certificates.mode "builtin" }}
{{- /* Another one than cert-manager's, which stays when the mode changes. */}}
{{- include "kaspr-operator.webhookName" . }}-own-tls
{{- else }}
{{- include "kaspr-operator.webhookName" . }}-tls
{{- end }}
{{- end }}

{{- define "kaspr-operator.serviceAccount" -}}
{{- default (include "kaspr-operator.fullname" .) .Values.serviceAccount.name }}
{{- end }}

{{- define "kaspr-operator.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{/* Namespaces for which the webhooks are not called. */}}
{{- define "kaspr-operator.excludedNamespaces" -}}
{{- concat (list "kube-system" .Release.Namespace) .Values.webhooks.excludedNamespaces | toYaml }}
{{- end }}

{{- define "kaspr-operator.testNamespace" -}}
{{- $excluded := include "kaspr-operator.excludedNamespaces" . | fromYamlArray }}
{{- if and (not .Values.watchNamespace) (has .Values.test.namespace $excluded) }}
{{- fail (printf "test.namespace must be another one than %s, which the webhooks exclude" (join ", " $excluded)) }}
{{- end }}
{{- default .Values.test.namespace .Values.watchNamespace }}
{{- end }}

{{- define "kaspr-operator.selector" -}}
app.kubernetes.io/name: {{ include "kaspr-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{- define "kaspr-operator.labels" -}}
app.kubernetes.io/name: {{ include "kaspr-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* Security context of all containers, without any privileges. */}}
{{- define "kaspr-operator.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}
