/** Option values. What cannot be read is a usage error (exit code 2), never a silent default. */
import { InvalidArgumentError } from 'commander';

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `90s`, `5m`, `1h30m`, or a bare number of seconds; answers milliseconds. */
export function duration(value: string): number {
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/.test(value)) throw new InvalidArgumentError('write a time like 90s or 5m.');
  let total = 0;
  for (const [, amount, unit] of value.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g))
    total += Number(amount) * (UNITS[unit ?? ''] ?? 0);
  return total;
}

/** A time to wait for something: none at all would be a failure at once. */
export function patience(value: string): number {
  const ms = duration(value);
  if (ms < 1000) throw new InvalidArgumentError('write a time of at least a second, like 5m.');
  return ms;
}

/** A whole number of at least 1: 0 means unlimited to some versions of the server and no rotation to others. */
export function positive(value: string): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < 1 || number > 2 ** 31 - 1) {
    throw new InvalidArgumentError('write a whole number of at least 1 (0 means something else in every version).');
  }
  return number;
}

/** A port; 0 for any that is free. */
export function port(value: string): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || number > 65_535) throw new InvalidArgumentError('write a port, 0 to 65535.');
  return number;
}

/** `name=value` of a further flag, without dashes. */
export function flagPair(value: string, all: Record<string, string>): Record<string, string> {
  const match = /^(?:--)?(audit-[a-z-]+)=(.*)$/s.exec(value);
  if (!match?.[1]) throw new InvalidArgumentError('write it as audit-log-version=audit.k8s.io/v1.');
  return { ...all, [match[1]]: match[2] ?? '' };
}
