/** The smallest policy worth having. */
export const minimal = `# Minimal audit policy: everything by metadata, health probes left out. A starting point for rules of your own.
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

  # Everything else: who, what, when, from where, and with which result. No bodies, so no secrets.
  - level: Metadata
`;
