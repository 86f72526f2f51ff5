/** For days when everything counts: bodies of all changes, nothing dropped but probes. */
export const forensic = `# Forensic audit policy: after an incident, or while one lasts. Every change with what was sent and what came back, every
# read by metadata, nothing dropped because it is routine. Plan for many times the volume of the recommended policy.
#
# The API server reads the rules from the top; the first that matches a request decides. A request that none matches is
# not logged, so the last rule takes everything that is left.
apiVersion: audit.k8s.io/v1
kind: Policy

# Each request would be logged when it arrives and again when it has been answered; the answer is enough.
# ResponseStarted is not omitted: a failed login has no other stage.
omitStages:
  - RequestReceived

# Managed fields stay in the bodies here: they tell which program set a field.
omitManagedFields: false

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

  # Ways into a running container, or through the API server to something behind it, whatever the verb.
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

  # Every change of everything else, in full. Events and leases too: they show what ran when.
  - level: RequestResponse
    verbs: [create, update, patch, delete, deletecollection]

  # Every read, every failed login, every anonymous request.
  - level: Metadata
`;
