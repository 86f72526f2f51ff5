/** Where the kubelet looks for static pods, as its command line and its configuration say. */
import { parse } from 'yaml';

/** The value of a flag of the kubelet; the last one counts. */
export function kubeletFlag(argv: readonly string[], name: string): string | undefined {
  let value: string | undefined;
  argv.forEach((argument, at) => {
    const [flag, ...rest] = argument.replace(/^--?/, '').split('=');
    if (!argument.startsWith('-') || flag !== name) return;
    value = rest.length > 0 ? rest.join('=') : argv[at + 1];
  });
  return value;
}

/** staticPodPath of a KubeletConfiguration; undefined when it is not set there, or cannot be told. */
export function staticPodPathOf(text: string): string | undefined {
  // The line as kubeadm writes it: reading the whole document takes a hundred times as long.
  const plain = /^staticPodPath:[ \t]+(\/[^\s#'"]*)[ \t]*\r?$/m.exec(text);
  if (plain) return plain[1];
  if (!text.includes('staticPodPath')) return undefined;
  try {
    const { staticPodPath } = (parse(text) ?? {}) as { staticPodPath?: unknown };
    return typeof staticPodPath === 'string' ? staticPodPath : undefined;
  } catch {
    return undefined;
  }
}
