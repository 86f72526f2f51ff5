/** For clusters that are watched: bodies of everything that changes rights, workloads or the cluster itself. */
export const security = `# Security audit policy: what an intruder would have to do is logged with its contents, everything else by metadata.
# Nothing is dropped because of who does it: stolen credentials of a component look like the component.
#
# The API server reads the rules from the top; the first that matches a request decides. A request that none matches is
# not logged, so the last rule takes everything that is left.
apiVersion: audit.k8s.io/v1
kind: Policy

# Each request would be logged when it arrives and again when it has been answered; the answer is enough.
# ResponseStarted is not omitted: a failed login has no other stage.
omitStages:
  - RequestReceived

# Who set which field last: a large part of many bodies, and of no use in a log.
omitManagedFields: true

rules:
  # Health probes: several a second, no user, no object, no meaning.
  - level: None
    nonResourceURLs:
      - /healthz*
      - /livez*
      - /readyz*

  # Heartbeats and leader election by those who are meant to do it. A lease that anybody else touches is logged.
  - level: None
    userGroups: [system:nodes]
    resources:
      - group: coordination.k8s.io
        resources: [leases]
  - level: None
    users: [system:kube-controller-manager, system:kube-scheduler, system:apiserver]
    resources:
      - group: coordination.k8s.io
        resources: [leases]

  # Events are a log of their own, and many.
  - level: None
    resources:
      - group: ""
        resources: [events]
      - group: events.k8s.io
        resources: [events]

  # Secrets, ConfigMaps and tokens: who touched them, never what is in them. Before every rule that writes bodies.
  - level: Metadata
    resources:
      - group: ""
        resources: [secrets, configmaps, serviceaccounts/token]
      - group: authentication.k8s.io
        resources: [tokenreviews]

  # Ways into a running container, or through the API server to something behind it.
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

  # Rights: who gave what to whom, who was approved, who may speak for whom.
  - level: RequestResponse
    verbs: [create, update, patch, delete, deletecollection]
    resources:
      - group: rbac.authorization.k8s.io
      - group: certificates.k8s.io
      - group: ""
        resources: [serviceaccounts]

  # What decides over other requests, or extends the API: webhooks, admission policies, API services, new kinds.
  - level: RequestResponse
    verbs: [create, update, patch, delete, deletecollection]
    resources:
      - group: admissionregistration.k8s.io
      - group: apiregistration.k8s.io
      - group: apiextensions.k8s.io
      - group: flowcontrol.apiserver.k8s.io

  # State that kubelets and controllers report all the time: the fact is enough.
  - level: Metadata
    resources:
      - group: ""
        resources: [nodes/status, pods/status, namespaces/status]
      - group: apps
        resources: ["*/status"]

  # What runs in the cluster, where, and what it can reach: the request says it all.
  - level: Request
    verbs: [create, update, patch, delete, deletecollection]
    resources:
      - group: ""
        resources: [pods, pods/binding, pods/eviction, replicationcontrollers, services, namespaces, nodes, persistentvolumes, persistentvolumeclaims]
      - group: apps
      - group: batch
      - group: networking.k8s.io
      - group: policy
      - group: storage.k8s.io

  # Everything else, failed logins and anonymous requests included: no rule above asks for a user to log them.
  - level: Metadata
`;
