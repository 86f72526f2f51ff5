/** Reading what Kubernetes programs write: klog headers, structured keys, Go-quoted strings, and the same as JSON. */

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

/** What one line says, in whichever form it was written. */
export interface Said {
  severity: KlogLine['severity'];
  /** Without the quotes of a structured message. */
  message: string;
  error?: string;
}

/**
 * A line of `--logging-format=text` or `=json`, taken apart; undefined for what is neither.
 * Sources: component-base/logs/json (keys `ts`, `msg`, `err`; `v` stands only in what is no error; there is no level),
 * klog.go.
 */
export function saidIn(line: string): Said | undefined {
  if (line.startsWith('{')) return jsonSaid(line);
  const klog = parseKlog(line);
  if (!klog) return undefined;
  const quoted = /^"(?:[^"\\]|\\.)*"/.exec(klog.message)?.[0];
  if (quoted === undefined) return klog;
  const error = klogValue(klog.message, 'err');
  return { severity: klog.severity, message: unquoteGo(quoted), ...(error === undefined ? {} : { error }) };
}

/** All the words of a line, without what stands around them. */
export function wordsOf(line: string): string {
  const said = saidIn(line);
  if (!said) return line.trim();
  return said.error === undefined ? said.message : `${said.message}: ${said.error}`;
}

function jsonSaid(line: string): Said | undefined {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  const { ts, msg, err } = fields;
  if (typeof ts !== 'number' || typeof msg !== 'string') return undefined;
  return { severity: 'v' in fields ? 'I' : 'E', message: msg, ...(typeof err === 'string' ? { error: err } : {}) };
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
    const text = [raw, ...continuation(lines, at)].join('\n');
    const said = saidIn(text);
    if (said === undefined) continue;
    if (said.message === 'command failed')
      return { line: at, reason: said.error ?? wordsOf(text), raw: text, kind: 'command-failed' };
    if (said.severity === 'F' || (raw.startsWith('{') && isFatal(said, lines[at + 1])))
      return { line: at, reason: wordsOf(text), raw, kind: 'fatal' };
  }
  return undefined;
}

/**
 * JSON has no word for fatal, and klog writes such a line as information: it is known by its message, or by the dump of
 * goroutines that follows it. Sources: klog.go (output), pkg/controlplane/instance.go, apiserver/pkg/server/hooks.go.
 */
function isFatal({ message }: Said, next: string | undefined): boolean {
  return /^Error creating leases|^PostStartHook "[^"]*" failed/.test(message) || /^goroutine \d+ \[/.test(next ?? '');
}

/** The further lines of a value that klog has spread over several (`err=<`, lines with a tab, ` >`). */
function continuation(lines: readonly string[], at: number): string[] {
  if (!/=<$/.test(lines[at] ?? '')) return [];
  const end = lines.indexOf(' >', at);
  return lines.slice(at + 1, end === -1 ? undefined : end + 1);
}
