/** Whether it is etcd that is down, or an address or certificate that keeps the API server from it. */
import { lastWords, parseKlog } from '../../klog';
import type { ContainerLog } from '../../evidence';
import { cause, type Cause, type Evidence } from '../cause';
import type { EtcdEndpoint } from '../node-sight';
import { etcdFlag, flagAt, type Patient } from '../patient';

const BRINGS = [
  'etcd-unreachable',
  'server-crashed',
  'server-refused',
  'server-not-started',
  'api-not-ready',
  'server-starting',
];

export function etcdRules(patient: Patient): Cause[] {
  const { etcd } = patient.sight;
  const bad = etcd.endpoints.filter(({ state }) => state !== 'healthy' && state !== 'unasked');
  if (bad.length === 0) return [];
  // One of several that answers is enough for the server.
  const when = etcd.endpoints.some(({ state }) => state === 'healthy') ? 'later' : 'now';
  return bad.map((endpoint) => ({ ...endpointCause(patient, endpoint), ...(when === 'later' ? { when } : {}) }));
}

function endpointCause(patient: Patient, endpoint: EtcdEndpoint): Cause {
  const { url, state, detail = state } = endpoint;
  const probe: Evidence = { source: 'probe', where: url, text: detail };
  const flag = flagAt(patient, 'etcd-servers');
  if (state === 'untrusted' || state === 'rejected') {
    return cause('etcd-untrusted', {
      title:
        state === 'untrusted'
          ? `etcd at ${url} shows a certificate that --etcd-cafile does not cover: ${detail}`
          : `etcd at ${url} does not take the certificate in --etcd-certfile: ${detail}`,
      ...flagAt(patient, state === 'untrusted' ? 'etcd-cafile' : 'etcd-certfile'),
      evidence: [probe, ...flagAt(patient, state === 'untrusted' ? 'etcd-cafile' : 'etcd-certfile').evidence],
      remedy: [
        'kubeadm’s files: /etc/kubernetes/pki/etcd/ca.crt, /etc/kubernetes/pki/apiserver-etcd-client.crt and .key',
        'correct --etcd-cafile, --etcd-certfile and --etcd-keyfile in the manifest',
      ],
      brings: BRINGS,
    });
  }
  if (state === 'unhealthy') {
    return cause('etcd-unhealthy', {
      title: `etcd at ${url} answers, and is not healthy: ${detail}`,
      evidence: [probe],
      remedy: ['has it lost its quorum? look at the other members', 'ls -l /var/log/pods/kube-system_etcd-*/etcd/'],
      brings: BRINGS,
    });
  }
  const listens = etcdFlag(patient, 'listen-client-urls')?.split(',') ?? [];
  if (patient.sight.etcd.runs && listens.length > 0 && !listens.some((own) => sameAddress(own, url))) {
    return cause('etcd-address-wrong', {
      title: `--etcd-servers says ${url}, but etcd listens on ${listens.join(', ')}`,
      ...flag,
      evidence: [probe, ...flag.evidence],
      remedy: [`write --etcd-servers=${listens[0] ?? ''} in ${patient.sight.manifestPath}`],
      brings: BRINGS,
      mend: { kind: 'restore-manifest', what: 'put the last good manifest back' },
    });
  }
  if (!isLocal(patient, url)) {
    return cause('etcd-unreachable', {
      title: `etcd at ${url} cannot be reached: ${detail}`,
      ...flag,
      evidence: [probe, ...flag.evidence],
      remedy: ['is that host up, and etcd on it?', 'correct --etcd-servers in the manifest if the address is wrong'],
      brings: BRINGS.slice(1),
    });
  }
  return localEtcdDown(patient, probe);
}

function localEtcdDown(patient: Patient, probe: Evidence): Cause {
  const { etcd, manifestPath } = patient.sight;
  const folder = manifestPath.replace(/\/[^/]*$/, '');
  if (etcd.manifest === undefined) {
    return cause('etcd-manifest-missing', {
      title: `etcd does not run on this node: there is no ${folder}/etcd.yaml`,
      evidence: [probe, { source: 'file', where: `${folder}/etcd.yaml`, text: 'no such file' }],
      remedy: [
        `ls -l ${folder} /etc/kubernetes/tmp/kubeadm-backup-manifests-*/`,
        `put it back; kubeadm's own: kubeadm init phase etcd local   (keeps the data in /var/lib/etcd)`,
      ],
      brings: BRINGS,
    });
  }
  const words = etcdWords(etcd.pods.flatMap(({ logs }) => logs));
  if (etcd.runs) {
    return cause('etcd-refuses', {
      title: `etcd runs on this node and does not answer at ${probe.where}: ${probe.text}`,
      certain: false,
      evidence: [probe, ...(words ? [words] : [])],
      remedy: ['ls -l /var/log/pods/kube-system_etcd-*/etcd/', 'it may be starting: look again in half a minute'],
      brings: BRINGS,
    });
  }
  return cause('etcd-not-running', {
    title: `etcd does not run on this node${words ? `: ${words.text.slice(0, 300)}` : ''}`,
    evidence: [probe, ...(words ? [words] : [])],
    remedy: [
      'ls -l /var/log/pods/kube-system_etcd-*/etcd/   its own last words',
      'journalctl -u kubelet -n 100 | grep etcd',
      'df -h /var/lib/etcd',
    ],
    brings: BRINGS,
  });
}

/** etcd's last complaint: `"level":"fatal"` since 3.5, `C | …` and `panic:` before. */
function etcdWords(logs: readonly ContainerLog[]): Evidence | undefined {
  const newest = [...logs].sort((a, b) => (b.lines.at(-1)?.at ?? 0) - (a.lines.at(-1)?.at ?? 0))[0];
  const lines = newest?.lines ?? [];
  const line =
    lines.findLast(({ text }) =>
      /"level":"(?:fatal|panic)"|\bC \| |^panic: |etcdmain: (?:open|listen|cannot)/.test(text),
    ) ??
    lines.findLast(({ text }) => /"level":"error"|\bE \| /.test(text)) ??
    lines.findLast(({ text }) => parseKlog(text)?.severity === 'E' || lastWords([text]) !== undefined);
  if (!newest || !line) return undefined;
  return { source: 'container-log', where: newest.path, at: new Date(line.at).toISOString(), text: line.text };
}

function isLocal(patient: Patient, url: string): boolean {
  const host = partsOf(url)?.host;
  if (host === undefined) return false;
  if (/^127\.|^::1$/.test(host)) return true;
  const own = [etcdFlag(patient, 'advertise-client-urls'), patient.flag('advertise-address')];
  // As wholes: 192.168.56.1 is another machine than 192.168.56.10.
  return own.some((list) => (list ?? '').split(',').some((each) => partsOf(each)?.host === host));
}

function sameAddress(own: string, url: string): boolean {
  const [one, two] = [partsOf(own), partsOf(url)];
  if (!one || !two || one.port !== two.port) return false;
  return one.host === two.host || one.host === '0.0.0.0' || one.host === '::';
}

/** Of a URL, an address or a name, in one way of writing: no brackets, IPv6 in its short form. */
function partsOf(text: string): { host: string; port: string } | undefined {
  const bare = text.trim();
  const six = !bare.includes('://') && !bare.startsWith('[') && bare.split(':').length > 2;
  try {
    const { hostname, port } = new URL(bare.includes('://') ? bare : `https://${six ? `[${bare}]` : bare}`);
    const host = hostname.replace(/^\[|\]$/g, '');
    return host === '' ? undefined : { host: host === 'localhost' ? '127.0.0.1' : host, port };
  } catch {
    return undefined;
  }
}
