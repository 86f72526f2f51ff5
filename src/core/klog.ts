/** Reading what Kubernetes programs write: klog headers, structured keys, Go-quoted strings. */

export interface KlogLine {
  severity: 'I' | 'W' | 'E' | 'F';
  /** The text after the header. */
  message: string;
}

const HEADER = /^([IWEF])(\d{4}) \d{2}:\d{2}:\d{2}\.\d{6}\s+\d+ [^\s\]]+:\d+\] /;

/**
 * Splits a klog header off a line; undefined when the line has none.
 * Source: vendor/k8s.io/klog/v2/internal/buffer/buffer.go (header format).
 */
export function parseKlog(line: string): KlogLine | undefined {
  const match = HEADER.exec(line);
  if (!match) return undefined;
  return { severity: match[1] as KlogLine['severity'], message: line.slice(match[0].length) };
}

/**
 * The value of a structured key (`err="…"`), unquoted; undefined when the line has no such key.
 * Several-line values (`err=<` … ` >`) come back as they stand, without their tabs.
 * Source: vendor/k8s.io/klog/v2/internal/serialize/keyvalues.go.
 */
export function klogValue(message: string, key: string): string | undefined {
  const start = new RegExp(`(?:^|\\s)${key}=`).exec(message);
  if (!start) return undefined;
  const rest = message.slice(start.index + start[0].length);
  if (rest.startsWith('"')) {
    const quoted = /^"(?:[^"\\]|\\.)*"/.exec(rest)?.[0];
    return quoted === undefined ? rest.slice(1) : unquoteGo(quoted);
  }
  if (rest.startsWith('<')) {
    const end = rest.indexOf('\n >');
    return rest
      .slice(1, end === -1 ? undefined : end)
      .split('\n')
      .map((line) => line.replace(/^\t/, ''))
      .join('\n')
      .trim();
  }
  return /^\S+/.exec(rest)?.[0];
}

/** Undoes Go's strconv.Quote. A text that is not quoted comes back unchanged. */
export function unquoteGo(quoted: string): string {
  if (quoted.length < 2 || !quoted.startsWith('"') || !quoted.endsWith('"')) return quoted;
  return quoted
    .slice(1, -1)
    .replace(
      /\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|([0-7]{3})|(.))/g,
      (_, x?: string, u?: string, long?: string, octal?: string, one?: string) => {
        const hex = x ?? u ?? long;
        if (hex !== undefined) return String.fromCodePoint(parseInt(hex, 16));
        if (octal !== undefined) return String.fromCharCode(parseInt(octal, 8));
        return ESCAPES[one ?? ''] ?? one ?? '';
      },
    );
}

const ESCAPES: Record<string, string> = { n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', f: '\f', v: '\v' };

/** Why a kube-apiserver says it ends: its last words, with the line they stand on. */
export interface LastWords {
  /** Index into the lines given. */
  line: number;
  /** The reason alone, unquoted. */
  reason: string;
  /** The line as it stands; several when klog has spread its value over them. */
  raw: string;
  kind: 'flag' | 'command-failed' | 'fatal' | 'panic';
}

/**
 * Finds the words with which a kube-apiserver ended. They are the last thing it writes before it exits (a goroutine
 * dump may follow a fatal line), so finding them means it is ending or has ended.
 * Source: component-base/cli/run.go (`Error: …` for flags, `"command failed" err=…` since 1.23; plain `Error: …` for
 * everything before), klog.go (fatal lines), the Go runtime (`panic: …`).
 */
export function lastWords(lines: readonly string[]): LastWords | undefined {
  for (let at = lines.length - 1; at >= 0; at--) {
    const raw = lines[at] ?? '';
    if (raw.startsWith('Error: ')) return { line: at, reason: raw.slice(7), raw, kind: 'flag' };
    if (/^(panic: |fatal error: )/.test(raw)) return { line: at, reason: raw, raw, kind: 'panic' };
    const klog = parseKlog(raw);
    if (klog === undefined) continue;
    if (klog.message.startsWith('"command failed"')) {
      const rest = continuation(lines, at);
      const message = [klog.message, ...rest].join('\n');
      const reason = klogValue(message, 'err') ?? message;
      return { line: at, reason, raw: [raw, ...rest].join('\n'), kind: 'command-failed' };
    }
    if (klog.severity === 'F') return { line: at, reason: klog.message, raw, kind: 'fatal' };
  }
  return undefined;
}

/** The further lines of a value that klog has spread over several (`err=<`, lines with a tab, ` >`). */
function continuation(lines: readonly string[], at: number): string[] {
  if (!/=<$/.test(lines[at] ?? '')) return [];
  const end = lines.indexOf(' >', at);
  return lines.slice(at + 1, end === -1 ? undefined : end + 1);
}
