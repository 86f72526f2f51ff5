/** Covers the key concerns of benchmark recommendation 3.2.2. */
export const cis = `# Audit policy for the CIS Kubernetes Benchmark, recommendation 3.2.2: the key security concerns are covered.
#
#   - access to Secrets, ConfigMaps and TokenReviews by metadata only
#   - changes of Pods and Deployments
#   - use of pods/exec, pods/portforward, pods/proxy and services/proxy
#   - at least metadata of everything else
#
# The recommendations next to it (log path, maxage 30, maxbackup 10, maxsize 100) are flags, not part of this file.
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

  # Secrets, ConfigMaps and tokens: who touched them, never what is in them. Before every rule that writes bodies.
  - level: Metadata
    resources:
      - group: ""
        resources: [secrets, configmaps, serviceaccounts/token]
      - group: authentication.k8s.io
        resources: [tokenreviews]

  # Changes of Pods and of what makes them.
  - level: Request
    verbs: [create, update, patch, delete, deletecollection]
    resources:
      - group: ""
        resources: [pods]
      - group: apps
        resources: [deployments, daemonsets, statefulsets, replicasets]
      - group: batch
        resources: [jobs, cronjobs]

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

  # Who gave which rights to whom.
  - level: RequestResponse
    verbs: [create, update, patch, delete, deletecollection]
    resources:
      - group: rbac.authorization.k8s.io

  # At least metadata of everything else.
  - level: Metadata
`;
