/** No kubelet, no static pods: why it does not run, in its own last words. */
import { cause, type Cause, type Evidence } from '../cause';
import type { LogLine } from '../../evidence';
import { journalEvidence, type Patient } from '../patient';

const BRINGS = ['server-not-started', 'api-not-ready', 'kubelet-without-api'];

interface Words {
  pattern: RegExp;
  code: string;
  title: (match: RegExpExecArray) => string;
  remedy: (match: RegExpExecArray) => string[];
}

/** Most telling first. Sources: cmd/kubelet/app/server.go, pkg/kubelet/cm, pkg/kubelet/kubelet.go. */
const LAST_WORDS: readonly Words[] = [
  {
    pattern: /running with swap on is not supported/i,
    ...words('kubelet-swap', 'the kubelet refuses to start with swap on', [
      'swapoff -a',
      'and remove the swap line from /etc/fstab; or set failSwapOn: false in /var/lib/kubelet/config.yaml',
      'systemctl restart kubelet',
    ]),
  },
  {
    pattern: /misconfiguration: kubelet cgroup driver: \\*"(\w+)\\*" is different from docker cgroup driver: \\*"(\w+)/,
    code: 'kubelet-cgroup-driver',
    title: (match) => `the kubelet's cgroup driver is ${match[1]}, the container runtime's is ${match[2]}`,
    remedy: (match) => [`write cgroupDriver: ${match[2]} in /var/lib/kubelet/config.yaml`, 'systemctl restart kubelet'],
  },
  {
    pattern: /failed to (?:load|decode|read) (?:the )?[Kk]ubelet config(?: file)?[^:]*(?:: (.*))?$/s,
    code: 'kubelet-config-unreadable',
    title: (match) => `the kubelet cannot read its configuration${match[1] ? `: ${firstLine(match[1])}` : ''}`,
    remedy: () => [
      'ls -l /var/lib/kubelet/config.yaml',
      'correct it, or write it anew: kubeadm init phase kubelet-start',
    ],
  },
  {
    // The flag's name before the words around it: a pattern takes whichever begins first.
    pattern:
      /(?:failed to parse kubelet flag: )?unknown (?:shorthand )?flag: ([^"\\\s]+)|failed to parse kubelet flag: ([^"\\]*)/,
    code: 'kubelet-unknown-flag',
    title: (match) =>
      match[1] === undefined
        ? `the kubelet cannot read its flags: ${match[2] ?? ''}`
        : `the kubelet does not know the flag ${match[1]}`,
    remedy: () => [
      'grep -r . /var/lib/kubelet/kubeadm-flags.env /etc/default/kubelet /etc/sysconfig/kubelet 2>/dev/null',
      'remove that flag, then: systemctl restart kubelet',
    ],
  },
  {
    pattern: /(part of the existing bootstrap client certificate .* is expired)/,
    ...words('kubelet-certificate-expired', "the kubelet's client certificate has expired", [
      'kubeadm init phase kubeconfig kubelet   (with a good /etc/kubernetes/pki/ca.key)',
      'systemctl restart kubelet',
    ]),
  },
  {
    pattern: /unable to load bootstrap kubeconfig: stat (\S+): no such file/,
    ...words('kubelet-no-kubeconfig', 'the kubelet has no kubeconfig, nor one to bootstrap it from', [
      'ls -l /etc/kubernetes/kubelet.conf',
      'kubeadm init phase kubeconfig kubelet',
      'systemctl restart kubelet',
    ]),
  },
  {
    pattern:
      /(?:validate service connection|failed to run Kubelet:.*(?:CRI|container runtime|containerd\.sock|crio\.sock))/,
    ...words('kubelet-no-runtime', 'the kubelet ends because the container runtime does not answer', [
      'systemctl status containerd crio docker',
      'systemctl start containerd',
    ]),
  },
];

export function kubeletRules(patient: Patient): Cause[] {
  const { kubelet } = patient.sight;
  const { unit } = kubelet;
  if (kubelet.process && unit?.active !== 'activating') return [];
  if (!unit) {
    return [
      cause('kubelet-stopped', {
        title: 'no kubelet runs on this node: nothing acts on the manifest',
        remedy: ['systemctl start kubelet'],
        evidence: [{ source: 'process', where: '/proc', text: 'no process named kubelet' }],
      }),
    ];
  }
  const state = stateOf(unit);
  if (unit.load === 'not-found') {
    return [
      cause('kubelet-not-installed', {
        title: 'there is no kubelet service on this node',
        remedy: ['run this on a control-plane node; or install the kubelet package of the cluster’s version'],
        evidence: [state],
      }),
    ];
  }
  if (unit.load === 'masked') {
    return [
      cause('kubelet-masked', {
        title: 'the kubelet service is masked: it cannot be started',
        remedy: ['systemctl unmask kubelet', 'systemctl start kubelet'],
        evidence: [state],
      }),
    ];
  }
  const said = lastWords(kubelet.journal);
  const stopped = unit.active === 'inactive' || (unit.active === 'failed' && unit.result === 'success');
  if (said && !stopped) {
    return [
      cause(said.words.code, {
        title: said.words.title(said.match),
        remedy: said.words.remedy(said.match),
        evidence: [journalEvidence('kubelet', said.line), state],
        brings: BRINGS,
      }),
    ];
  }
  if (stopped) {
    return [
      cause('kubelet-stopped', {
        title: 'the kubelet is stopped: nothing acts on the manifest, and nothing restarts a server that ends',
        remedy: ['systemctl start kubelet', 'systemctl enable kubelet'],
        evidence: [state],
        brings: BRINGS,
        mend: { kind: 'start-kubelet', what: 'start the kubelet' },
      }),
    ];
  }
  const last = kubelet.journal.findLast(({ text }) => /^[EF]\d{4} |^Error|failed/.test(text)) ?? kubelet.journal.at(-1);
  return [
    cause('kubelet-failing', {
      title: `the kubelet does not stay up${unit.exitStatus === undefined ? '' : ` (exit status ${unit.exitStatus})`}${
        last ? `: ${firstLine(last.text)}` : ''
      }`,
      remedy: ['journalctl -u kubelet -n 50', 'mend what its last words name, then: systemctl restart kubelet'],
      evidence: [...(last ? [journalEvidence('kubelet', last)] : []), state],
      brings: BRINGS,
    }),
  ];
}

/** What it said when it ended last; earlier ends may have had other reasons. */
const LAST_RUN_MS = 60_000;

function lastWords(all: readonly LogLine[]) {
  const journal = all.filter(({ at }) => at >= (all.at(-1)?.at ?? 0) - LAST_RUN_MS);
  for (const words of LAST_WORDS) {
    const line = journal.findLast(({ text }) => words.pattern.test(text));
    const match = line && words.pattern.exec(line.text);
    if (line && match) return { words, line, match };
  }
  return undefined;
}

function stateOf(unit: NonNullable<Patient['sight']['kubelet']['unit']>): Evidence {
  const restarts = unit.restarts ? `, ${unit.restarts} restarts` : '';
  return {
    source: 'process',
    where: 'systemctl show kubelet',
    text: `${unit.load}, ${unit.active} (${unit.sub})${unit.result ? `, result ${unit.result}` : ''}${restarts}`,
  };
}

function words(code: string, title: string, remedy: string[]): Pick<Words, 'code' | 'title' | 'remedy'> {
  return { code, title: () => title, remedy: () => remedy };
}

function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').replace(/^[EFIW]\d{4} \S+\s+\d+ \S+\] /, '').slice(0, 300);
}
