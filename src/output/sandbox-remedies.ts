/**
 * Remedies for a real node, in words that work in a sandbox. Rule: a line that would act on the machine below never stays:
 * `systemctl start kubelet`, typed because of a sandbox, starts the host's.
 */
import { shellWord } from '../core/text';

/** The value with every `remedy` and `hints` in it suited; itself on a real node. */
export function forSandbox<T>(value: T, sandbox: string | undefined): T {
  return sandbox === undefined ? value : (suited(value, sandbox) as T);
}

export function remediesIn(lines: readonly string[], dir: string): string[] {
  return [...new Set(lines.flatMap((line) => remedyIn(line, dir)))];
}

function suited(value: unknown, dir: string): unknown {
  if (Array.isArray(value)) return value.map((each) => suited(each, dir));
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      (key === 'remedy' || key === 'hints') && isLines(inner) ? remediesIn(inner, dir) : suited(inner, dir),
    ]),
  );
}

function isLines(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

/** Empty where a sandbox has nothing that the line is about. */
const RULES: readonly [pattern: RegExp, words: (dir: string) => readonly string[]][] = [
  [/^swapoff|\/etc\/fstab|containerd|\bcrictl (?:pull|pods)|journalctl -k|^dmesg|^findmnt|remount/, () => []],
  [/^systemctl (?:enable|unmask) kubelet/, () => []],
  [
    /^kubeadm (?:init|certs|alpha)|: kubeadm init/,
    (dir) => [
      `there is no kubeadm in a sandbox; with certificates and manifests made anew: kube-auditctl sandbox stop --delete ${dir}, then kube-auditctl sandbox start ${dir}`,
    ],
  ],
  [/^sudo env /, () => []],
];

const WORDS: readonly [pattern: RegExp, words: (dir: string) => string][] = [
  [/^sudo /, () => ''],
  [/systemctl start kubelet/, (dir) => `kube-auditctl sandbox start ${dir}`],
  [/systemctl restart kubelet/, (dir) => `kube-auditctl sandbox stop ${dir}, then kube-auditctl sandbox start ${dir}`],
  [/systemctl (?:status|show) kubelet/, (dir) => `kube-auditctl sandbox status ${dir}`],
  [/crictl ps(?: -a)? --name \S+/, (dir) => `kube-auditctl sandbox status ${dir}`],
  [/journalctl -u kubelet(?: -n \d+)?/, (dir) => `kube-auditctl sandbox journal ${dir}`],
];

function remedyIn(line: string, dir: string): readonly string[] {
  const shown = shellWord(dir);
  const rule = RULES.find(([pattern]) => pattern.test(line));
  if (rule) return rule[1](shown);
  const words = WORDS.reduce((text, [pattern, by]) => text.replace(pattern, () => by(shown)), line);
  // Commands about files: the node's lie below the sandbox's folder.
  if (!/^(?:ls|cat|df|du|stat|grep|head|tail|chmod|chown|cp|mv|rm|mkdir|sha256sum|openssl) /.test(words))
    return [words];
  return [
    words.replace(
      /(^|[\s=])(\/(?:etc|var|run|root|tmp)(?=\/|\s|$))/g,
      (_all, before: string, path: string) => `${before}${shown}/node${path}`,
    ),
  ];
}
