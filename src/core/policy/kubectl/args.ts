/** kubectl's command line: words and flags, as far as they decide over the requests it makes. */

export interface KubectlArgs {
  /** Everything that is no flag, the command included, up to `--`. */
  words: readonly string[];
  /** What follows `--`: the command for a container. */
  command: readonly string[];
  /** By long name; a flag that is given several times has several values, a switch has "true". */
  flags: ReadonlyMap<string, readonly string[]>;
}

export function parseArgs(argv: readonly string[]): KubectlArgs {
  const words: string[] = [];
  const flags = new Map<string, string[]>();
  const add = (name: string, value: string): void => {
    flags.set(name, [...(flags.get(name) ?? []), value]);
  };
  const end = argv.indexOf('--');
  const own = [...(end === -1 ? argv : argv.slice(0, end))];
  for (let at = 0; at < own.length; at++) {
    const word = own[at] ?? '';
    if (word.startsWith('--')) {
      const equals = word.indexOf('=');
      const name = word.slice(2, equals === -1 ? undefined : equals);
      if (equals !== -1) add(name, word.slice(equals + 1));
      else add(name, WITH_VALUE.has(name) ? (own[++at] ?? '') : 'true');
    } else if (/^-[a-zA-Z]/.test(word)) at += shortFlags(word.slice(1), own[at + 1], add);
    else words.push(word);
  }
  return { words, command: end === -1 ? [] : argv.slice(end + 1), flags };
}

/** `-it`, `-nfoo`, `-n foo`, `-n=foo`. @returns how many of the following words belong to it. */
function shortFlags(letters: string, next: string | undefined, add: (name: string, value: string) => void): number {
  for (let at = 0; at < letters.length; at++) {
    const letter = letters.charAt(at);
    const name = SHORT.get(letter) ?? letter;
    const rest = letters.slice(at + 1);
    if (!WITH_VALUE.has(name)) {
      add(name, rest.startsWith('=') ? rest.slice(1) : 'true');
      if (rest.startsWith('=')) return 0;
      continue;
    }
    if (rest !== '') {
      add(name, rest.replace(/^=/, ''));
      return 0;
    }
    add(name, next ?? '');
    return next === undefined ? 0 : 1;
  }
  return 0;
}

const SHORT: ReadonlyMap<string, string> = new Map(
  Object.entries({
    A: 'all-namespaces',
    c: 'container',
    f: 'filename',
    i: 'stdin',
    k: 'kustomize',
    l: 'selector',
    L: 'label-columns',
    n: 'namespace',
    o: 'output',
    p: 'patch',
    R: 'recursive',
    s: 'server',
    t: 'tty',
    v: 'v',
    w: 'watch',
  }),
);

/** Flags that take a value; all others are switches. `-f` of logs and `-p` of logs are switches, seen to there. */
const WITH_VALUE = new Set(
  `
  address aggregation-rule allow-missing-template-keys annotations api-group api-version as as-group
  as-uid as-user-extra audience bound-object-kind bound-object-name bound-object-uid cache-dir cert
  certificate-authority chunk-size class client-certificate client-key cluster clusterip clusterrole
  container containers context copy-to cpu cpu-percent current-replicas custom default-backend
  description docker-email docker-password docker-server docker-username duration env external-ip
  external-name field-manager field-selector filename for from from-env-file from-file from-literal
  grace-period group hard image image-pull-policy key keys kubeconfig kustomize label-columns labels
  limit-bytes limits load-balancer-ip max max-log-requests max-unavailable memory min min-available
  name namespace node-port non-resource-url output output-directory overrides password patch
  patch-file pod-running-timeout pod-selector port preemption-policy profile protocol raw replicas
  request-timeout requests resource resource-name resource-version restart revision role rule schedule
  scopes selector server serviceaccount session-affinity set-image since since-time
  skip-wait-for-delete-timeout sort-by subresource tail target target-port tcp template timeout
  tls-server-name to-revision token type types user username v value verb verbs vmodule
  `
    .trim()
    .split(/\s+/),
);
