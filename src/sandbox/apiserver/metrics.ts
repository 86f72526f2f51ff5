/** The figures of /metrics that people and this tool look at; names and texts as the server has them. */

export class Counter {
  readonly #series = new Map<string, number>();

  /** @param label value of the counter's one label; '' when it has none. */
  add(label: string, by = 1): void {
    this.#series.set(label, (this.#series.get(label) ?? 0) + by);
  }

  get(label = ''): number {
    return this.#series.get(label) ?? 0;
  }

  entries(): [string, number][] {
    return [...this.#series].sort(([a], [b]) => (a < b ? -1 : 1));
  }
}

export class Metrics {
  readonly auditEvents = new Counter();
  readonly auditErrors = new Counter();
  readonly auditLevels = new Counter();
  readonly auditRejected = new Counter();
  /** Labels are written out already: see {@link requestLabels}. */
  readonly requests = new Counter();
  readonly #startedAt: number;

  /** @param startedAt of the process, milliseconds since the epoch. */
  constructor(startedAt: number) {
    this.#startedAt = startedAt;
  }

  text(gitVersion: string): string {
    return [
      ...family('apiserver_audit_error_total', ERRORS, labelled('plugin', this.auditErrors)),
      ...family('apiserver_audit_event_total', EVENTS, [['', this.auditEvents.get()]]),
      ...family('apiserver_audit_level_total', LEVELS, labelled('level', this.auditLevels)),
      ...family('apiserver_audit_requests_rejected_total', REJECTED, [['', this.auditRejected.get()]]),
      ...family('apiserver_request_total', REQUESTS, this.requests.entries()),
      ...family('kubernetes_build_info', BUILD, [[`git_version="${gitVersion}"`, 1]], 'gauge'),
      ...family('process_start_time_seconds', START, [['', this.#startedAt / 1000]], 'gauge'),
    ]
      .map((line) => `${line}\n`)
      .join('');
  }
}

/** The labels of apiserver_request_total, as they are printed. */
export function requestLabels(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${value.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`))}"`)
    .join(',');
}

const ERRORS =
  '[ALPHA] Counter of audit events that failed to be audited properly. Plugin identifies the plugin affected by the error.';
const EVENTS = '[ALPHA] Counter of audit events generated and sent to the audit backend.';
const LEVELS = '[ALPHA] Counter of policy levels for audit events (1 per request).';
const REJECTED = '[ALPHA] Counter of apiserver requests rejected due to an error in audit logging backend.';
const REQUESTS =
  '[STABLE] Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, component, and HTTP response code.';
const BUILD = "[ALPHA] A metric with a constant '1' value labeled by git version.";
const START = '[ALPHA] Start time of the process since unix epoch in seconds.';

function labelled(name: string, counter: Counter): [string, number][] {
  return counter.entries().map(([value, count]) => [requestLabels({ [name]: value }), count]);
}

/** A family without series is not printed, as in the real one. */
function family(name: string, help: string, series: readonly [string, number][], type = 'counter'): string[] {
  if (series.length === 0) return [];
  const lines = series.map(([labels, value]) => `${name}${labels === '' ? '' : `{${labels}}`} ${goNumber(value)}`);
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines];
}

/** Go's strconv 'g' in its shortest form: an exponent of at least two digits from a million on. */
export function goNumber(value: number): string {
  const [digits = '', exponent = '0'] = value.toExponential().split('e');
  if (Number(exponent) < 6 && Number(exponent) >= -4) return String(value);
  const sign = exponent.startsWith('-') ? '-' : '+';
  return `${digits}e${sign}${exponent.replace(/^[+-]/, '').padStart(2, '0')}`;
}
