/**
 * The API server's command line, read as the server itself reads it (github.com/spf13/pflag): names normalised, the
 * last of a flag given twice wins, only booleans may stand without a value.
 */
import type { Place } from '../errors';

/** One element of `command` or `args`. */
export interface Argument {
  value: string;
  list: 'command' | 'args';
  index: number;
  /** Found when asked for. */
  readonly place: Place;
}

export interface Flag {
  /** Without dashes; `_` is `-`. */
  name: string;
  /** As written, `$(VAR)` and all; undefined for a flag that stands alone. */
  value: string | undefined;
  /** `--name=value`; `--name`, `value`; or `--name` alone. */
  form: 'equals' | 'separate' | 'bare';
  list: 'command' | 'args';
  index: number;
  /** Found when asked for. */
  readonly place: Place;
  /** Where the value of a separate flag stands: the last of `command` may take the first of `args`. */
  valueAt?: Argument;
}

/** @param argv the elements behind the program's name. */
export function parseFlags(argv: readonly Argument[]): Flag[] {
  const flags: Flag[] = [];
  for (let at = 0; at < argv.length; at++) {
    const argument = argv[at];
    if (argument === undefined || argument.value === '--') break;
    const match = /^--?([^=]+)(?:=([\s\S]*))?$/.exec(argument.value);
    if (match?.[1] === undefined) continue;
    const name = match[1].replaceAll('_', '-');
    const next = argv[at + 1];
    if (match[2] !== undefined) flags.push(flagAt(argument, name, match[2], 'equals'));
    else if (next !== undefined && takesNext(name, next.value)) {
      flags.push(flagAt(argument, name, next.value, 'separate', next));
      at++;
    } else flags.push(flagAt(argument, name, undefined, 'bare'));
  }
  return flags;
}

/** Whether an audit flag is a boolean: these take a value only behind `=`. */
export function isBooleanAuditFlag(name: string): boolean {
  return /^audit-(?:log-compress|.*-truncate-enabled|.*-batch-throttle-enable)$/.test(name);
}

/** A boolean as strconv.ParseBool reads it; undefined when it would refuse it. A flag alone is true. */
export function parseBoolean(value: string | undefined): boolean | undefined {
  if (value === undefined || /^(?:1|t|T|true|TRUE|True)$/.test(value)) return true;
  return /^(?:0|f|F|false|FALSE|False)$/.test(value) ? false : undefined;
}

/** A duration as Go's time.ParseDuration reads it, in seconds; undefined when it would refuse it. */
export function parseDuration(text: string): number | undefined {
  const match = /^([-+]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|\u00b5s|\u03bcs|ms|s|m|h))+|0)$/.exec(text);
  if (match?.[2] === undefined) return undefined;
  const units: Record<string, number> = {
    ns: 1e-9,
    us: 1e-6,
    '\u00b5s': 1e-6,
    '\u03bcs': 1e-6,
    ms: 1e-3,
    s: 1,
    m: 60,
    h: 3600,
  };
  let seconds = 0;
  for (const [, amount, unit] of match[2].matchAll(/([\d.]+)([a-z\u00b5\u03bc]+)/g))
    seconds += Number(amount) * (units[unit ?? ''] ?? 0);
  return match[1] === '-' ? -seconds : seconds;
}

function flagAt(
  argument: Argument,
  name: string,
  value: string | undefined,
  form: Flag['form'],
  valueAt?: Argument,
): Flag {
  const { list, index } = argument;
  return {
    name,
    value,
    form,
    list,
    index,
    get place() {
      return argument.place;
    },
    ...(valueAt === undefined ? {} : { valueAt }),
  };
}

/**
 * A flag that needs a value takes the next element whatever it looks like, `-` and other flags included. Of the flags
 * whose type is not known here, those are taken for booleans that are followed by another flag.
 */
function takesNext(name: string, next: string): boolean {
  if (isBooleanAuditFlag(name)) return false;
  return name.startsWith('audit-') || !next.startsWith('-');
}
