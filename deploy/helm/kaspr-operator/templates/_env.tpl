{{/* Environment variable for a value; empty if the value is not set. */}}
{{- define "kaspr-operator.env" -}}
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: POD_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
- name: WEBHOOK_ADDRESS
  value: "[::]:{{ .Values.webhooks.port }}"
- name: METRICS_PORT
  value: {{ .Values.metrics.port | quote }}
- name: OPERATOR_IMAGE
  value: {{ include "kaspr-operator.image" . }}
{{- if .Values.watchNamespace }}
- name: WATCH_NAMESPACE
  value: {{ .Values.watchNamespace | quote }}
{{- end }}
{{- if eq .Values.certificates.mode "builtin" }}
- name: CERTIFICATE_SECRET
  value: {{ include "kaspr-operator.certificateSecret" . }}
- name: WEBHOOK_SERVICE
  value: {{ include "kaspr-operator.webhookName" . }}
- name: WEBHOOK_CONFIGURATION
  value: {{ include "kaspr-operator.clusterName" . }}
{{- else }}
- name: TLS_CERT_FILE
  value: /etc/kaspr-operator/tls/tls.crt
- name: TLS_KEY_FILE
  value: /etc/kaspr-operator/tls/tls.key
{{- end }}
- name: DRAIN_SECONDS
  value: {{ .Values.drainSeconds | quote }}
- name: LEADER_ELECTION
  value: {{ .Values.leaderElection.enabled | quote }}
- name: LEASE_SECONDS
  value: {{ .Values.leaderElection.leaseSeconds | quote }}
- name: MEMBER_LOGS_ENABLED
  value: {{ .Values.memberLogs.enabled | quote }}
- name: LOG_LEVEL
  value: {{ .Values.log.level | quote }}
- name: LOG_FORMAT
  value: {{ .Values.log.format }}
{{- $names := dict
  "imageRegistry" "KASPR_IMAGE_REGISTRY"
  "clusterDomain" "CLUSTER_DOMAIN"
  "scaleUpPodsPerStep" "HPA_SCALE_UP_POLICY_PODS_PER_STEP"
  "scaleUpPeriodSeconds" "HPA_SCALE_UP_POLICY_PERIOD_SECONDS"
  "initialMaxReplicas" "INITIAL_MAX_REPLICAS"
  "clientStatusCheck" "CLIENT_STATUS_CHECK_ENABLED"
  "clientStatusCheckTimeoutSeconds" "CLIENT_STATUS_CHECK_TIMEOUT_SECONDS"
  "autoRebalance" "AUTO_REBALANCE_ENABLED"
  "hungMemberDetection" "HUNG_MEMBER_DETECTION_ENABLED"
  "hungRebalancingThresholdSeconds" "HUNG_REBALANCING_THRESHOLD_SECONDS"
  "rolloutOnFailure" "ROLLOUT_ON_FAILURE"
  "statefulsetDeletionTimeoutSeconds" "STATEFULSET_DELETION_TIMEOUT_SECONDS" }}
{{- range $key, $name := $names }}
{{- $value := index $.Values.settings $key }}
{{- if not (or (kindIs "invalid" $value) (eq (toString $value) "")) }}
- name: {{ $name }}
  value: {{ toJson $value | trimAll "\"" | quote }}
{{- end }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}
