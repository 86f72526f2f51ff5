/** The audit settings as they hang together: policy and log, their mounts, and what the server would say of the policy. */
import { lintPolicy } from '../../policy/lint';
import { resolveMount } from '../../manifest/mounts';
import { cause, type Cause } from '../cause';
import { at, flagAt, type Patient } from '../patient';
import { kindOf } from './volumes';

export function auditRules(patient: Patient): Cause[] {
  if (!patient.server || !patient.audit) return [];
  return [...policyRules(patient), ...logRules(patient), ...incomplete(patient)];
}

const BRINGS = ['server-not-started'];

function policyRules(patient: Patient): Cause[] {
  const { audit, sight, server } = patient;
  const policy = audit?.policy;
  if (!policy || !server) return [];
  const when = patient.healthy ? 'later' : 'now';
  const path = policy.containerPath;
  if (!policy.mount) {
    return [
      cause('audit-policy-not-mounted', {
        title: `the audit policy ${path} is not mounted into the API server's container`,
        when,
        ...flagAt(patient, 'audit-policy-file'),
        remedy: [
          `add a hostPath volume (type: File) for ${path} and a volumeMount with the same path, readOnly: true`,
          'kube-auditctl enable --policy FILE does both',
        ],
        brings: [...BRINGS, 'audit-policy-missing'],
      }),
    ];
  }
  const host = policy.hostPath;
  const kind = host === undefined ? undefined : kindOf(patient, host);
  if (host === undefined || kind === undefined) return [];
  const place = flagAt(patient, 'audit-policy-file');
  const seen = { source: 'file' as const, where: host, text: kind === 'missing' ? 'no such file' : `is a ${kind}` };
  if (kind === 'missing' && policy.mount.hostPathType !== 'File') {
    return [
      cause('audit-policy-missing', {
        title: `there is no audit policy at ${host}`,
        when,
        ...place,
        evidence: [...place.evidence, seen],
        remedy: ['kube-auditctl enable --policy FILE', `or put the policy at ${host}`],
        brings: BRINGS,
      }),
    ];
  }
  if (kind === 'folder' && policy.mount.hostPathType !== 'File') {
    return [
      cause('audit-policy-is-a-folder', {
        title: `the audit policy ${host} is a folder on the node`,
        detail:
          'A hostPath that is missing is made as an empty folder unless its type is File: that is how a policy becomes one.',
        when,
        ...place,
        evidence: [...place.evidence, seen],
        remedy: [`rmdir ${host}`, `put the policy there as a file, and set the volume's type to File`],
        brings: [...BRINGS, 'audit-policy-missing'],
      }),
    ];
  }
  if (sight.policy?.path !== host) return [];
  return policyText(patient, sight.policy, when);
}

function policyText(patient: Patient, { path, text }: { path: string; text: string }, when: 'now' | 'later'): Cause[] {
  const version = /:v?(\d+)\.(\d+)\./.exec(patient.server?.image ?? '');
  const kubeVersion = version ? { major: Number(version[1]), minor: Number(version[2]) } : undefined;
  const { findings, loads, serverMessage } = lintPolicy(text, { file: path, ...(kubeVersion ? { kubeVersion } : {}) });
  if (!loads) {
    const blocking = findings.find(({ blocksLoading }) => blocksLoading === true);
    return [
      cause('audit-policy-refused', {
        title: `kube-apiserver refuses the audit policy ${path}: ${(serverMessage ?? blocking?.title ?? '').replace(/^loading audit policy file: /, '')}`,
        when,
        ...(blocking?.place ? { place: blocking.place } : {}),
        evidence: [
          {
            source: 'file',
            where: blocking?.place ? `${path}:${blocking.place.line}` : path,
            text: blocking?.place?.lineText?.trim() ?? blocking?.title ?? '',
          },
        ],
        remedy: [
          ...(blocking?.remedy ?? []),
          `kube-auditctl policy lint ${path}`,
          `then, so that the server is started anew: kube-auditctl enable --policy ${path}`,
        ],
        brings: BRINGS,
      }),
    ];
  }
  const wide = findings.filter(({ severity }) => severity === 'error');
  return wide.slice(0, 5).map((found) =>
    cause('audit-policy-questionable', {
      title: `the audit policy ${path}: ${found.title}`,
      when: 'later',
      ...(found.place ? { place: found.place } : {}),
      evidence: [
        {
          source: 'file',
          where: found.place ? `${path}:${found.place.line}` : path,
          text: found.place?.lineText?.trim() ?? '',
        },
      ],
      remedy: [...found.remedy, `kube-auditctl policy lint ${path}`],
    }),
  );
}

function logRules(patient: Patient): Cause[] {
  const { audit, server } = patient;
  const log = audit?.log;
  if (!log || !server || log.containerPath === '-') return [];
  const path = log.containerPath;
  const place = flagAt(patient, 'audit-log-path');
  const when = patient.healthy ? 'later' : 'now';
  if (path.startsWith('/dev/')) {
    return [
      cause('audit-log-is-a-device', {
        title: `the audit log is ${path}: the server tries to rotate it as if it were a file`,
        when: 'later',
        ...place,
        remedy: ['for the container’s standard output write --audit-log-path=-', 'or a file: kube-auditctl enable'],
      }),
    ];
  }
  if (!log.mount) {
    return [
      cause('audit-log-not-on-host', {
        title: `the audit log ${path} is written inside the container: lost at every restart, and not to be seen on the node`,
        when: 'later',
        ...place,
        remedy: ['kube-auditctl enable', `or mount its folder ${path.replace(/\/[^/]*$/, '')} from the node, writable`],
      }),
    ];
  }
  const mount = resolveMount(server, path);
  const found: Cause[] = [];
  if (mount?.readOnly) {
    const readOnly = [...server.path, 'volumeMounts', mount.index, 'readOnly'];
    found.push(
      cause('audit-log-read-only', {
        title: `the audit log ${path} is mounted read-only`,
        when,
        ...at(patient, readOnly),
        remedy: ['remove readOnly: true from that volumeMount', 'kube-auditctl doctor --fix does that'],
        brings: BRINGS,
        // A folder that holds more than the log may be read-only for a reason.
        ...(mount.exact || mount.mountPath === path.replace(/\/[^/]*$/, '')
          ? {
              mend: {
                kind: 'edit-manifest' as const,
                what: 'mount the audit log writable',
                edits: [{ do: 'remove' as const, path: readOnly }],
              },
            }
          : {}),
      }),
    );
  }
  const kind = log.hostPath === undefined ? undefined : kindOf(patient, log.hostPath);
  if (kind === 'folder') {
    found.push(
      cause('audit-log-is-a-folder', {
        title: `the audit log ${path} is a folder on the node`,
        when: patient.healthy ? 'later' : 'now',
        ...place,
        evidence: [...place.evidence, { source: 'file', where: log.hostPath ?? '', text: 'is a folder' }],
        remedy: [
          'let --audit-log-path name a file, and mount the folder it stands in (type: DirectoryOrCreate)',
          `kube-auditctl enable --log-path ${path}/audit.log`,
        ],
        brings: BRINGS,
      }),
    );
  } else if (mount?.exact) {
    found.push(
      cause('audit-log-mounted-as-file', {
        title: `the audit log ${path} is mounted as a single file: it cannot be rotated`,
        when: 'later',
        ...at(patient, [...server.path, 'volumeMounts', mount.index, 'mountPath']),
        remedy: ['mount its folder instead: rotation renames the file', 'kube-auditctl enable does that'],
      }),
    );
  }
  return found;
}

/** A log without a policy: the file is made, and stays empty; no word in any log. */
function incomplete(patient: Patient): Cause[] {
  const { audit } = patient;
  const backend = audit?.log ?? audit?.webhook;
  if (!audit || (audit.policy === undefined) === (backend === undefined)) return [];
  const flag = audit.policy ? 'audit-policy-file' : audit.log ? 'audit-log-path' : 'audit-webhook-config-file';
  return [
    cause('audit-incomplete', {
      title: audit.policy
        ? 'a policy is set, but no log and no webhook: auditing is off, without a word from the server'
        : 'a log or webhook is set, but no policy: nothing is ever logged, without a word from the server',
      ...flagAt(patient, flag),
      remedy: ['kube-auditctl enable'],
    }),
  ];
}
