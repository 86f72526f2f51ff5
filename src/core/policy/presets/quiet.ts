/** For small disks: changes by people and programs, reads only where they give something away. */
export const quiet = `# Quiet audit policy: changes, and reads of Secrets. For small disks and slow links: it forgets who looked at what.
#
# The API server reads the rules from the top; the first that matches a request decides. A request that none matches is
# not logged, so the last rule takes everything that is left.
apiVersion: audit.k8s.io/v1
kind: Policy

# Each request would be logged when it arrives and again when it has been answered; the answer is enough.
# ResponseStarted is not omitted: a failed login has no other stage.
omitStages:
  - RequestReceived

rules:
  # Health probes: several a second, no user, no object, no meaning.
  - level: None
    nonResourceURLs:
      - /healthz*
      - /livez*
      - /readyz*

  # Reads of Secrets and tokens are the ones to remember: people, pods and CI jobs, not the control plane and the nodes.
  - level: None
    users:
      - system:apiserver
      - system:kube-controller-manager
      - system:kube-scheduler
    verbs: [get, list, watch]
  - level: None
    userGroups: [system:nodes]
    verbs: [get, list, watch]
  - level: Metadata
    resources:
      - group: ""
        resources: [secrets, serviceaccounts/token]

  # Commands in containers, and connections through the API server, come as get requests too.
  - level: Metadata
    resources:
      - group: ""
        resources: [pods/exec, pods/attach, pods/portforward, pods/proxy, services/proxy, nodes/proxy]

  # What anybody else looks at. Failed logins have no user and no groups: the groups named here keep them in the log.
  - level: None
    userGroups: [system:authenticated]
    verbs: [get, list, watch, head, options]

  # Heartbeats, leader election, endpoints, events, status: the cluster talking to itself.
  - level: None
    resources:
      - group: coordination.k8s.io
        resources: [leases]
      - group: ""
        resources: [events, endpoints, nodes/status, pods/status]
      - group: events.k8s.io
        resources: [events]
      - group: discovery.k8s.io
        resources: [endpointslices]

  # Questions about one's own rights, which clients ask all the time.
  - level: None
    resources:
      - group: authorization.k8s.io

  # Every change, failed logins, anonymous requests.
  - level: Metadata
`;
