/** The preset that `enable` takes when no policy is named: who did what, bodies where they are evidence, little noise. */
export const recommended = `# Recommended audit policy: who changed what, and who came in, at a volume that a control-plane disk can hold.
#
# The API server reads the rules from the top; the first that matches a request decides. A request that none matches is
# not logged, so the last rule takes everything that is left.
#
# Levels: None (nothing), Metadata (who, when, what, from where, with which result), Request (and what was sent),
# RequestResponse (and what came back).
apiVersion: audit.k8s.io/v1
kind: Policy

# Each request would be logged when it arrives and again when it has been answered; the answer is enough.
# ResponseStarted is not omitted: a failed login has no other stage.
omitStages:
  - RequestReceived

# Who set which field last: a large part of many bodies, and of no use in a log.
omitManagedFields: true

rules:
  # Health probes, several a second: no user, no object, no meaning.
  - level: None
    nonResourceURLs:
      - /healthz*
      - /livez*
      - /readyz*
      - /version

  # What the control plane and the nodes do all the time to stay alive: leader election, heartbeats, endpoints. Only their
  # own users: a person who edits a lease is logged.
  - level: None
    userGroups:
      - system:nodes
      - system:serviceaccounts:kube-system
    resources:
      - group: coordination.k8s.io
        resources: [leases]
  - level: None
    users:
      - system:apiserver
      - system:kube-controller-manager
      - system:kube-scheduler
    resources:
      - group: coordination.k8s.io
        resources: [leases]
      - group: ""
        resources: [endpoints]
      - group: discovery.k8s.io
        resources: [endpointslices]
  - level: None
    users:
      - system:serviceaccount:kube-system:endpoint-controller
      - system:serviceaccount:kube-system:endpointslice-controller
      - system:serviceaccount:kube-system:endpointslicemirroring-controller
    resources:
      - group: ""
        resources: [endpoints]
      - group: discovery.k8s.io
        resources: [endpointslices]

  # Kubelets report the state of their node and their pods every few seconds.
  - level: None
    userGroups: [system:nodes]
    verbs: [update, patch]
    resources:
      - group: ""
        resources: [nodes/status, pods/status]

  # Events are a log of their own, and many.
  - level: None
    resources:
      - group: ""
        resources: [events]
      - group: events.k8s.io
        resources: [events]

  # Components of the control plane and kube-proxy reading what they always read. Never Secrets or ConfigMaps: those reads
  # are logged below whoever makes them.
  - level: Metadata
    resources:
      - group: ""
        resources: [secrets, configmaps, serviceaccounts/token]
      - group: authentication.k8s.io
        resources: [tokenreviews]
  - level: None
    users:
      - system:apiserver
      - system:kube-controller-manager
      - system:kube-scheduler
      - system:kube-proxy
      - system:serviceaccount:kube-system:kube-proxy
    verbs: [get, list, watch]
  - level: None
    userGroups: [system:nodes]
    verbs: [get, list, watch]

  # A way into a running container, or through the API server to something behind it: the command and the target matter.
  - level: RequestResponse
    resources:
      - group: ""
        resources:
          - pods/exec
          - pods/attach
          - pods/portforward
          - pods/proxy
          - pods/ephemeralcontainers
          - services/proxy
          - nodes/proxy

  # Who gave which rights to whom.
  - level: RequestResponse
    verbs: [create, update, patch, delete, deletecollection]
    resources:
      - group: rbac.authorization.k8s.io

  # Everything else: who, what, when, and with which result.
  - level: Metadata
`;
