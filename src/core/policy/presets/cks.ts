/** The shape of the exam task, to type from memory. */
export const cks = `# Audit policy in the shape of the usual exam tasks: short enough to type, each rule one requirement.
#
# Remember: the first rule that matches decides, so the narrow rules stand first and the catch-all last. A resource is
# named in the plural, in its API group ("" is the core group; deployments are in apps). pods does not include pods/log.
# "Log the request body" is level Request; "log request and response" is RequestResponse; anything less is Metadata.
# The API server reads the file once, at its start: after a change it has to be restarted.
apiVersion: audit.k8s.io/v1
kind: Policy

# "Do not log the stage RequestReceived."
omitStages:
  - RequestReceived

rules:
  # "Do not log watch requests by system:kube-proxy on endpoints and services."
  - level: None
    users: ["system:kube-proxy"]
    verbs: ["watch"]
    resources:
      - group: ""
        resources: ["endpoints", "services"]

  # "Do not log health checks."
  - level: None
    nonResourceURLs: ["/healthz*", "/livez*", "/readyz*"]

  # "Log Secrets and ConfigMaps in all namespaces at the level Metadata."
  - level: Metadata
    resources:
      - group: ""
        resources: ["secrets", "configmaps"]

  # "Log changes of namespaces with request and response."
  - level: RequestResponse
    resources:
      - group: ""
        resources: ["namespaces"]

  # "Log the request body of changes of deployments in the namespace webapps."
  - level: Request
    namespaces: ["webapps"]
    verbs: ["create", "update", "patch", "delete"]
    resources:
      - group: "apps"
        resources: ["deployments"]

  # "Log everything else at the level Metadata."
  - level: Metadata
`;
