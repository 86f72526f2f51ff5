/** Flags that contradict each other, or that do not fit the rest of the node. */
import { AUDIT_FLAGS } from '../../audit-flags';
import type { Flag } from '../../manifest/flags';
import { probesOf } from '../../manifest/probes';
import type { Path } from '../../manifest/value';
import { cause, type Cause } from '../cause';
import { at, manifestEvidence, type Patient } from '../patient';

export function flagRules(patient: Patient): Cause[] {
  if (!patient.server) return [];
  return [...givenTwice(patient), ...securePort(patient), ...etcdServers(patient)];
}

/** The element of the command with the flag under another name. */
export function renamed(patient: Patient, flag: Flag, meant: string): NonNullable<Cause['mend']> {
  const value = flag.form === 'equals' ? `${meant}=${flag.value ?? ''}` : meant;
  return {
    kind: 'edit-manifest',
    what: `write ${meant} instead of --${flag.name}`,
    edits: [{ do: 'replace', path: [...(patient.server?.path ?? []), flag.list, flag.index], value }],
  };
}

/** Flags that hold one value: of two the last one counts, without a word. Others may rightly be given several times. */
const SINGLE = new Set([
  ...AUDIT_FLAGS,
  'advertise-address',
  'allow-privileged',
  'anonymous-auth',
  'bind-address',
  'client-ca-file',
  'encryption-provider-config',
  'etcd-cafile',
  'etcd-certfile',
  'etcd-keyfile',
  'etcd-prefix',
  'kubelet-certificate-authority',
  'kubelet-client-certificate',
  'kubelet-client-key',
  'profiling',
  'proxy-client-cert-file',
  'proxy-client-key-file',
  'request-timeout',
  'requestheader-client-ca-file',
  'secure-port',
  'service-account-signing-key-file',
  'service-cluster-ip-range',
  'service-node-port-range',
  'tls-cert-file',
  'tls-min-version',
  'tls-private-key-file',
  'token-auth-file',
]);

function givenTwice(patient: Patient): Cause[] {
  const { server } = patient;
  const flags = server?.flags ?? [];
  return [...new Set(flags.map(({ name }) => name))].flatMap((name): Cause[] => {
    const all = flags.filter((flag) => flag.name === name);
    const last = all.at(-1);
    if (!SINGLE.has(name) || all.length < 2 || !last || !server) return [];
    const values = [...new Set(all.map(({ value }) => value ?? 'true'))];
    const contradict = values.length > 1;
    const spare = all.slice(0, -1);
    return [
      cause('flag-given-twice', {
        title: contradict
          ? `--${name} is given ${all.length} times with different values (${values.join(', ')}): only the last counts`
          : `--${name} is given ${all.length} times`,
        when: contradict ? 'now' : 'later',
        place: last.place,
        evidence: all.map(({ place }) => manifestEvidence(patient, place)),
        remedy: [`keep one of them: line ${all.map(({ place }) => String(place.line)).join(' or ')}`],
        // The last one is in force: taking the others out changes nothing but the text.
        mend: {
          kind: 'edit-manifest',
          what: `keep only the last --${name}, which is in force`,
          edits: spare
            .flatMap((flag) => [
              { list: flag.list, index: flag.index },
              ...(flag.valueAt ? [{ list: flag.valueAt.list, index: flag.valueAt.index }] : []),
            ])
            .map(({ list, index }) => ({ do: 'remove' as const, path: [...server.path, list, index] })),
        },
      }),
    ];
  });
}

/** The probes and kubeadm go by --secure-port; a server that listens elsewhere is killed by its own liveness probe. */
function securePort(patient: Patient): Cause[] {
  const { server, doc, sight, pod } = patient;
  if (!server || !doc) return [];
  const flag = server.effective('secure-port');
  const written = server.effectiveValue('secure-port');
  const port = written === undefined ? 6443 : Number(written);
  const probes = probePorts(patient).filter((probe) => probe.port !== port);
  const [first] = probes;
  if (first) {
    return [
      cause('secure-port-mismatch', {
        title: `the server listens on port ${port}${flag ? '' : ' (the default)'}, its ${first.probe} asks port ${first.port}`,
        detail: 'A server that its probes cannot reach is killed again and again, and never becomes ready.',
        place: flag?.place ?? doc.place(first.path),
        evidence: [
          ...(flag ? [manifestEvidence(patient, flag.place)] : []),
          ...probes.map((probe) => manifestEvidence(patient, doc.place(probe.path))),
        ],
        remedy: [
          `write --secure-port=${first.port}, or change the port of all probes, of admin.conf and of kubelet.conf`,
        ],
        brings: ['server-not-started', 'api-not-ready', 'server-starting'],
      }),
    ];
  }
  const own = Object.entries(pod?.annotations ?? {}).find(([name]) => name.startsWith('kubeadm.kubernetes.io/'));
  if (flag || !own) return [];
  return [
    cause('secure-port-missing', {
      title: `--secure-port was removed from kubeadm's manifest: the server falls back to ${port}`,
      detail: 'kubeadm reads the port from this flag when it waits for the server.',
      ...at(patient, [...server.path, 'command']),
      remedy: [
        `add --secure-port=${String(own[1]).split(':').at(-1) ?? '6443'} to the command in ${sight.manifestPath}`,
      ],
    }),
  ];
}

function probePorts({ server }: Patient): { probe: string; port: number; path: Path }[] {
  if (!server) return [];
  return probesOf(server).flatMap(({ name, path, port }) =>
    port === undefined ? [] : [{ probe: name, port, path: [...path, 'port'] }],
  );
}

function etcdServers(patient: Patient): Cause[] {
  const { server } = patient;
  if (!server || server.effective('etcd-servers')) return [];
  return [
    cause('etcd-servers-missing', {
      title: 'the flag --etcd-servers is missing: kube-apiserver does not start without it',
      ...at(patient, [...server.path, 'command']),
      when: patient.healthy ? 'later' : 'now',
      remedy: ['add --etcd-servers=https://127.0.0.1:2379 (with kubeadm’s own etcd) to the command'],
      brings: ['server-not-started'],
      mend: { kind: 'restore-manifest', what: 'put the last good manifest back' },
    }),
  ];
}
