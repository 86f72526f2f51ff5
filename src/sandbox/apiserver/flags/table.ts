/**
 * The flags of kube-apiserver: name, type as pflag calls it, and the minor versions (1.N) that have it when not all do.
 * Those of 1.20 are what its binary lists, hidden ones from its source (cmd/kube-apiserver/app/options); later ones are
 * from the same place in later releases.
 */

export interface FlagSpec {
  name: string;
  type: FlagType;
}

export type FlagType =
  | 'string'
  | 'strings'
  | 'stringArray'
  | 'bool'
  | 'int'
  | 'int32'
  | 'uint'
  | 'float32'
  | 'float64'
  | 'duration'
  | 'ip'
  | 'cidrs'
  | 'portRange'
  | 'mapStringBool'
  | 'mapStringString'
  | 'namedCertKey'
  | 'moduleSpec'
  | 'severity'
  | 'traceLocation'
  | 'version';

/** Flags with one letter, as pflag names them in messages. */
export const SHORTHANDS: Readonly<Record<string, string>> = { h: 'help', v: 'v' };

/** What a flag that still works says when it is used; 1.20's. */
export const DEPRECATED: Readonly<Record<string, string>> = {
  'insecure-port': 'This flag has no effect now and will be removed in v1.24.',
  'insecure-bind-address': 'This flag has no effect now and will be removed in v1.24.',
  address: 'This flag has no effect now and will be removed in v1.24.',
  port: 'This flag has no effect now and will be removed in v1.24.',
  'kubelet-https': 'API Server connections to kubelets always use https. This flag will be removed in 1.22.',
  'enable-swagger-ui': 'swagger 1.2 support has been removed',
  'target-ram-mb': 'This flag will be removed in v1.23',
};

/** @param minor of the server's version 1.N. */
export function flagSpecs(minor: number): ReadonlyMap<string, FlagSpec> {
  const specs = new Map<string, FlagSpec>();
  for (const row of TABLE.trim().split('\n')) {
    const [name = '', type = '', range = '-'] = row.split(' ');
    const [since, until] = range.split('-');
    if (minor < Number(since) || (until !== '' && minor > Number(until))) continue;
    specs.set(name, { name, type: type as FlagType });
  }
  return specs;
}

const TABLE = `
add-dir-header bool -25
address ip -23
admission-control strings -35
admission-control-config-file string
advertise-address ip
aggregator-reject-forwarding-redirect bool 23-
allow-metric-labels mapStringString 21-
allow-metric-labels-manifest string 30-
allow-privileged bool
alsologtostderr bool -25
anonymous-auth bool
api-audiences strings
apiserver-count int -34
audit-log-batch-buffer-size int
audit-log-batch-max-size int
audit-log-batch-max-wait duration
audit-log-batch-throttle-burst int
audit-log-batch-throttle-enable bool
audit-log-batch-throttle-qps float32
audit-log-compress bool
audit-log-format string
audit-log-maxage int
audit-log-maxbackup int
audit-log-maxsize int
audit-log-mode string
audit-log-path string
audit-log-truncate-enabled bool
audit-log-truncate-max-batch-size int
audit-log-truncate-max-event-size int
audit-log-version string
audit-policy-file string
audit-webhook-batch-buffer-size int
audit-webhook-batch-initial-backoff duration
audit-webhook-batch-max-size int
audit-webhook-batch-max-wait duration
audit-webhook-batch-throttle-burst int
audit-webhook-batch-throttle-enable bool
audit-webhook-batch-throttle-qps float32
audit-webhook-config-file string
audit-webhook-initial-backoff duration
audit-webhook-mode string
audit-webhook-truncate-enabled bool
audit-webhook-truncate-max-batch-size int
audit-webhook-truncate-max-event-size int
audit-webhook-version string
authentication-config string 29-
authentication-token-webhook-cache-ttl duration
authentication-token-webhook-config-file string
authentication-token-webhook-version string
authorization-config string 29-
authorization-mode strings
authorization-policy-file string
authorization-webhook-cache-authorized-ttl duration
authorization-webhook-cache-unauthorized-ttl duration
authorization-webhook-config-file string
authorization-webhook-version string
bind-address ip
cert-dir string
client-ca-file string
cloud-config string -30
cloud-provider string
cloud-provider-gce-l7lb-src-cidrs cidrs -30
cloud-provider-gce-lb-src-cidrs cidrs -30
contention-profiling bool
coordinated-leadership-lease-duration duration 31-
coordinated-leadership-renew-deadline duration 31-
coordinated-leadership-retry-period duration 31-
cors-allowed-origins strings
debug-socket-path string 28-
default-not-ready-toleration-seconds int
default-unreachable-toleration-seconds int
default-watch-cache-size int
delete-collection-workers int
deserialization-cache-size int -25
disable-admission-plugins strings
disable-http2-serving bool 28-
disabled-metrics strings 22-
egress-selector-config-file string
emulated-version strings 31-
emulation-forward-compatible bool 33-
enable-admission-plugins strings
enable-aggregator-routing bool
enable-bootstrap-token-auth bool
enable-garbage-collector bool
enable-logs-handler bool
enable-priority-and-fairness bool
enable-swagger-ui bool -22
encryption-provider-config string
encryption-provider-config-automatic-reload bool 26-
endpoint-reconciler-type string
etcd-cafile string
etcd-certfile string
etcd-compaction-interval duration
etcd-count-metric-poll-period duration
etcd-db-metric-poll-interval duration
etcd-healthcheck-timeout duration
etcd-keyfile string
etcd-prefix string
etcd-readycheck-timeout duration 26-
etcd-servers strings
etcd-servers-overrides strings
event-ttl duration
experimental-encryption-provider-config string -28
experimental-logging-sanitization bool -23
external-hostname string
feature-gates mapStringBool
goaway-chance float64
help bool
http2-max-streams-per-connection int
identity-lease-duration-seconds int
identity-lease-renew-interval-seconds int
insecure-bind-address ip -23
insecure-port int -23
json-patch-max-copy-bytes int -22
kubelet-certificate-authority string
kubelet-client-certificate string
kubelet-client-key string
kubelet-https bool -21
kubelet-port uint
kubelet-preferred-address-types strings
kubelet-read-only-port uint
kubelet-timeout duration
kubernetes-service-node-port int
lease-reuse-duration-seconds int 22-
livez-grace-period duration
log-backtrace-at traceLocation -25
log-dir string -25
log-file string -25
log-file-max-size uint -25
log-flush-frequency duration
log-json-info-buffer-size string 23-
log-json-split-stream bool 23-
log-text-info-buffer-size string 30-
log-text-split-stream bool 30-
logging-format string
logtostderr bool -25
master-service-namespace string -26
max-connection-bytes-per-sec int -28
max-mutating-requests-inflight int
max-requests-inflight int
max-resource-write-bytes int -22
min-compatibility-version strings 35-
min-request-timeout int
oidc-ca-file string
oidc-client-id string
oidc-groups-claim string
oidc-groups-prefix string
oidc-issuer-url string
oidc-required-claim mapStringString
oidc-signing-algs strings
oidc-username-claim string
oidc-username-prefix string
one-output bool -25
peer-advertise-ip string 28-
peer-advertise-port string 28-
peer-ca-file string 28-
permit-address-sharing bool 22-
permit-port-sharing bool
port int -23
profiling bool
proxy-client-cert-file string
proxy-client-key-file string
request-timeout duration
requestheader-allowed-names strings
requestheader-client-ca-file string
requestheader-extra-headers-prefix strings
requestheader-group-headers strings
requestheader-uid-headers strings 32-
requestheader-username-headers strings
runtime-config mapStringString
runtime-config-emulation-forward-compatible bool 33-
secure-port int
service-account-api-audiences strings -24
service-account-extend-token-expiration bool
service-account-issuer string
service-account-jwks-uri string
service-account-key-file stringArray
service-account-lookup bool
service-account-max-token-expiration duration
service-account-signing-endpoint string 32-
service-account-signing-key-file string
service-cluster-ip-range string
service-node-port-range portRange
show-hidden-metrics-for-version string
shutdown-delay-duration duration
shutdown-send-retry-after bool 23-
shutdown-watch-termination-grace-period duration 27-
skip-headers bool -25
skip-log-headers bool -25
ssh-keyfile string -23
ssh-user string -23
stderrthreshold severity -25
storage-backend string
storage-initialization-timeout duration 32-
storage-media-type string
strict-transport-security-directives strings 21-
target-ram-mb int -22
tls-cert-file string
tls-cipher-suites strings
tls-min-version string
tls-private-key-file string
tls-sni-cert-key namedCertKey
token-auth-file string
tracing-config-file string 22-
v int32
version version
vmodule moduleSpec
watch-cache bool
watch-cache-sizes strings
`;
