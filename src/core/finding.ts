/** What a check, a lint rule or a diagnosis found: named, placed, and with its remedy. */
import type { Place } from './errors';

export type Severity = 'error' | 'warning' | 'info';

export interface Finding {
  /** Stable kebab-case name; `--ignore NAME` takes it. */
  code: string;
  severity: Severity;
  /** One sentence: what is wrong. */
  title: string;
  /** The evidence, often the server's or the kubelet's own words. May have several lines. */
  detail?: string;
  place?: Place;
  /** What to do, a line each; commands and YAML can be pasted as they stand. */
  remedy: readonly string[];
}
