{{- define "model.name" -}}
{{ required "Give a pointer as values: -f models/NAME/stages/STAGE/pointer.yaml" (.Values.metadata).name }}
{{- end }}

{{- define "model.labels" -}}
registry-git.dev/version: {{ .Values.version | quote }}
registry-git.dev/request: {{ .Values.request | quote }}
{{- end }}

{{- define "model.annotations" -}}
registry-git.dev/digest: {{ .Values.digest | default "" | quote }}
{{- end }}

{{- define "model.format" -}}
{{ .Values.serving.format | default .Values.format | default "" }}
{{- end }}
