{{- /* What every pod has: called with the chart's values, and the arguments of `scr`. */ -}}
{{- define "scr.pod" }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
automountServiceAccountToken: false
terminationGracePeriodSeconds: {{ .values.terminationSeconds }}
containers:
  - name: scr
    image: {{ .values.image | quote }}
    args: {{ toJson .arguments }}
    env:
      - name: SCR_HOME
        value: /var/lib/scr
      - name: SCR_DATABASE_URL
        valueFrom:
          secretKeyRef: {name: {{ .values.databaseSecret }}, key: url}
      {{- range $name, $value := .values.settings }}
      - name: {{ $name }}
        value: {{ $value | quote }}
      {{- end }}
    ports:
      - {name: http, containerPort: 8400}
      - {name: mllp, containerPort: 8402}
      - {name: metrics, containerPort: 9400}
    startupProbe:
      httpGet: {path: /health/live, port: metrics}
      periodSeconds: 2
      failureThreshold: 60
    livenessProbe:
      httpGet: {path: /health/live, port: metrics}
      periodSeconds: 10
      timeoutSeconds: 5
    readinessProbe:
      httpGet: {path: /health/ready, port: metrics}
      periodSeconds: 5
      timeoutSeconds: 6
      failureThreshold: 1
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities: {drop: [ALL]}
    resources: {{ toJson .values.resources }}
    volumeMounts:
      - {name: home, mountPath: /var/lib/scr}
      - {name: keys, mountPath: /var/lib/scr/keys, readOnly: true}
      - {name: tmp, mountPath: /tmp}
volumes:
  - name: home
    persistentVolumeClaim: {claimName: {{ .values.homeClaim }}}
  - name: keys
    secret: {secretName: {{ .values.keysSecret }}, defaultMode: 0440}
  - name: tmp
    emptyDir: {}
{{- end }}
