/**
 * Whether the kubelet's probes could ever succeed. A server that its own probes cannot ask is started, killed and started
 * again for ever, while it does nothing wrong; and nothing in its log says why. The kubelet asks without credentials: it is
 * a stranger to the API server, who gets 401 where strangers are not let in, and 403 where they have no rights.
 */
import { parse } from 'yaml';
import type { Place } from '../errors';
import type { Finding } from '../finding';
import { parseBoolean } from '../manifest/flags';
import { probesOf, type Probe } from '../manifest/probes';
import type { Server } from '../manifest/server';
import { isMap } from '../manifest/value';
import { canonicalAddress, isAny, isLoopback } from './addresses';
import type { Judged } from './judged';

export interface ProbeFacts {
  /** The text of the file that --authentication-config names; undefined when it cannot be read, or is not named. */
  authentication?: string | undefined;
  /** Of this node's network interfaces. */
  addresses: readonly string[];
}

export function probeFindings(manifest: Judged, facts: ProbeFacts): Finding[] {
  const { server } = manifest;
  const probes = probesOf(server);
  const web = probes.filter(({ handler }) => handler === 'httpGet');
  return [
    ...unauthorized(server, web, facts),
    ...wrongPort(server, probes),
    ...plainText(server, web),
    ...strangePath(server, web),
    ...strangeHost(server, probes, facts),
    ...ownNetwork(manifest),
  ];
}

/** The startup and the liveness probe kill; the readiness probe only keeps the pod from being ready. */
function severityOf(probes: readonly Probe[]): Finding['severity'] {
  return probes.some(({ name }) => name !== 'readinessProbe') ? 'error' : 'warning';
}

const names = (probes: readonly Probe[]): string => [...new Set(probes.map(({ name }) => name))].join(', ');

const KILLED = 'The kubelet would take it for dead, and kill and restart it for ever.';

function unauthorized(server: Server, web: readonly Probe[], { authentication }: ProbeFacts): Finding[] {
  const anonymous = anonymousOf(server, authentication);
  const refused = web.filter((probe) => !bearsCredentials(probe) && !anonymous.allows(pathOf(probe)));
  if (refused.length === 0) return [];
  return [
    {
      code: 'probe-not-authorized',
      severity: severityOf(refused),
      title: `${anonymous.because}: the kubelet's probes (${names(refused)}) would get 401`,
      detail: `They ask without credentials. ${KILLED}`,
      ...(anonymous.place ? { place: anonymous.place } : { place: server.doc.place(refused[0]?.path ?? server.path) }),
      remedy: [
        anonymous.remedy,
        'or give each of these probes an Authorization header (httpHeaders), or probe by exec or tcpSocket',
      ],
    },
  ];
}

interface Anonymous {
  allows: (path: string) => boolean;
  because: string;
  place?: Place;
  remedy: string;
}

/**
 * Whether strangers are let in. A configuration file goes before the flag; and where everybody may do everything, strangers
 * are kept out, which no flag says. Source: pkg/kubeapiserver/options/authentication.go (ApplyAuthorization).
 */
function anonymousOf(server: Server, authentication: string | undefined): Anonymous {
  const config = server.effective('authentication-config');
  const settings = authentication === undefined ? undefined : anonymousSettings(authentication);
  if (config && settings) {
    const { enabled, paths } = settings;
    return {
      allows: (path) => enabled && (paths === undefined || paths.includes(path)),
      because: enabled
        ? 'the authentication configuration lets strangers in only elsewhere'
        : `${config.value ?? ''} keeps strangers out`,
      place: (config.valueAt ?? config).place,
      remedy: `name the probes’ paths under anonymous.conditions in ${config.value ?? 'that file'}: /livez, /readyz`,
    };
  }
  const flag = server.effective('anonymous-auth');
  if (flag && parseBoolean(server.effectiveValue('anonymous-auth')) === false)
    return {
      allows: () => false,
      because: '--anonymous-auth=false',
      place: (flag.valueAt ?? flag).place,
      remedy:
        'take --anonymous-auth=false out; to keep strangers out but for health: anonymous.conditions, by --authentication-config (1.31 and later)',
    };
  const mode = server.effective('authorization-mode');
  const modes = (mode ? (server.effectiveValue('authorization-mode') ?? 'unknown') : '').split(',');
  const all = modes.includes('AlwaysAllow') || (!mode && !server.effective('authorization-config'));
  return {
    allows: () => !all,
    because: mode
      ? '--authorization-mode=AlwaysAllow switches anonymous requests off'
      : 'without --authorization-mode anonymous requests are switched off',
    ...(mode ? { place: (mode.valueAt ?? mode).place } : {}),
    remedy: 'write --authorization-mode=Node,RBAC',
  };
}

/** Undefined when the file says nothing of it, or cannot be understood: then the flag counts. */
function anonymousSettings(text: string): { enabled: boolean; paths: string[] | undefined } | undefined {
  let root: unknown;
  try {
    root = parse(text);
  } catch {
    return undefined;
  }
  const anonymous = isMap(root) ? root.anonymous : undefined;
  if (!isMap(anonymous)) return undefined;
  const conditions: unknown[] = Array.isArray(anonymous.conditions) ? anonymous.conditions : [];
  const paths = conditions.flatMap((each) => (isMap(each) && typeof each.path === 'string' ? [each.path] : []));
  return { enabled: anonymous.enabled === true, paths: conditions.length === 0 ? undefined : paths };
}

function bearsCredentials({ fields }: Probe): boolean {
  const headers: unknown[] = Array.isArray(fields.httpHeaders) ? fields.httpHeaders : [];
  return headers.some((each) => isMap(each) && typeof each.name === 'string' && /^authorization$/i.test(each.name));
}

/** Without its query; the kubelet puts a missing slash before it. */
function pathOf({ fields }: Probe): string {
  const path = typeof fields.path === 'string' ? fields.path : '';
  return `/${path.replace(/[?#][\s\S]*$/, '').replace(/^\//, '')}`;
}

function wrongPort(server: Server, probes: readonly Probe[]): Finding[] {
  const flag = server.effective('secure-port');
  const port = flag ? Number(server.effectiveValue('secure-port') ?? NaN) : 6443;
  // Where there is no such port, or none at all, others say so.
  if (!Number.isInteger(port) || port === 0) return [];
  const astray = probes.filter((probe) => probe.port !== port && probe.fields.port != null);
  const [first] = astray;
  if (!first) return [];
  const named =
    typeof first.fields.port === 'string' && !/^\d+$/.test(first.fields.port) ? first.fields.port : undefined;
  return [
    {
      code: 'probe-port-mismatch',
      severity: severityOf(astray),
      title:
        first.port === undefined
          ? `${names(astray)}: the container has no port named ${String(first.fields.port)}`
          : `the server listens on port ${port}${flag ? '' : ' (the default)'}; its probes (${names(astray)}) ask port ${first.port}${named === undefined ? '' : `, named ${named}`}`,
      detail: first.port === undefined ? 'It would never be taken for started.' : KILLED,
      place: server.doc.place([...first.path, 'port']),
      remedy: [
        first.port === undefined
          ? `write \`port: ${port}\`, or name the port under \`ports\`: {name: ${String(first.fields.port)}, containerPort: ${port}}`
          : `write ${port} ${named === undefined ? 'as the port of each probe' : `as containerPort of ${named}`}, or --secure-port=${first.port}`,
      ],
    },
  ];
}

function plainText({ doc }: Server, web: readonly Probe[]): Finding[] {
  // Another word than these two the kubelet refuses, and that is said of it.
  const plain = web.filter(({ fields }) => fields.scheme == null || fields.scheme === '' || fields.scheme === 'HTTP');
  const [first] = plain;
  if (!first) return [];
  return [
    {
      code: 'probe-not-https',
      severity: severityOf(plain),
      title: `the probes (${names(plain)}) ask by HTTP; the server answers 400 to all that is not HTTPS`,
      detail: KILLED,
      place: doc.place([...first.path, 'scheme']),
      remedy: ['write `scheme: HTTPS`: without it, HTTP is meant'],
    },
  ];
}

/** What strangers may ask for. Source: plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go (public-info-viewer). */
const HEALTH = ['/livez', '/readyz', '/healthz'];
const PUBLIC = [...HEALTH, '/version', '/version/'];

function strangePath({ doc }: Server, web: readonly Probe[]): Finding[] {
  return web.flatMap((probe): Finding[] => {
    const path = pathOf(probe);
    if (PUBLIC.includes(path) || bearsCredentials(probe)) return [];
    const below = HEALTH.find((each) => path.startsWith(`${each}/`));
    return [
      {
        code: 'probe-path-not-health',
        severity: below === undefined ? severityOf([probe]) : 'warning',
        title: `${probe.name} asks for ${path}, ${below === undefined ? 'which is no health check of kube-apiserver' : 'which strangers may ask for only by a role of their own'}`,
        detail: `Without rights the answer is 403. ${KILLED}`,
        place: doc.place([...probe.path, 'path']),
        remedy: [
          below === undefined
            ? `write \`path: /${probe.name === 'readinessProbe' ? 'readyz' : 'livez'}\``
            : `write \`path: ${below}\`; what it should leave out: ${below}?exclude=NAME`,
        ],
      },
    ];
  });
}

function strangeHost(server: Server, probes: readonly Probe[], { addresses }: ProbeFacts): Finding[] {
  const bind = canonicalAddress(server.effectiveValue('bind-address') ?? '');
  const own = [
    bind,
    canonicalAddress(server.effectiveValue('advertise-address') ?? ''),
    ...addresses.map(canonicalAddress),
  ];
  const hostOf = ({ fields }: Probe): string => (typeof fields.host === 'string' ? canonicalAddress(fields.host) : '');
  // Without a host the kubelet asks the pod's address, which is the node's, and never the loopback's.
  const deafTo = (host: string): boolean =>
    !isAny(bind) && (host === '' ? isLoopback(bind) : host !== bind && !(host === 'localhost' && isLoopback(bind)));
  return [...new Set(probes.map(hostOf))].flatMap((host): Finding[] => {
    const asking = probes.filter((probe) => hostOf(probe) === host);
    const place = server.doc.place([...(asking[0]?.path ?? server.path), 'host']);
    if (deafTo(host))
      return [
        {
          code: 'probe-host-mismatch',
          severity: severityOf(asking),
          title: `the server listens on ${bind} alone; its probes (${names(asking)}) ask ${host === '' ? "the node's address" : host}`,
          detail: KILLED,
          place,
          remedy: [`write \`host: ${bind}\`, or take --bind-address out`],
        },
      ];
    if (host === '' || isLoopback(host) || own.includes(host)) return [];
    return [
      {
        code: 'probe-host-mismatch',
        severity: 'warning',
        title: `the probes (${names(asking)}) ask ${host}, which is no address of this server`,
        detail: 'A load balancer there could answer for another node; where nobody answers, the server is killed.',
        place,
        remedy: ['write the address that --advertise-address has'],
      },
    ];
  });
}

function ownNetwork({ doc }: Judged): Finding[] {
  const { hostNetwork } = doc.map(['spec']);
  if (hostNetwork != null && typeof hostNetwork !== 'boolean') return [];
  if (hostNetwork === true) return [];
  return [
    {
      code: 'host-network-off',
      severity: 'error',
      title: 'the API server would not run in the network of the node: spec.hostNetwork is not true',
      detail:
        'The network of pods needs the API server before it is there; nobody would reach it, and it would not reach etcd.',
      place: doc.place(['spec', 'hostNetwork']),
      remedy: ['write `hostNetwork: true` under spec'],
    },
  ];
}
