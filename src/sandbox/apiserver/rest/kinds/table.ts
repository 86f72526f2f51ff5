/** The table of kinds: discovery, routing, tables and bootstrap read it. Adding a kind is adding its row to a list here. */
import { CORE_KINDS } from './core';
import type { Kind } from './kind';
import { OTHER_KINDS } from './others';
import { WORKLOAD_KINDS } from './workloads';

export const KINDS: readonly Kind[] = [...CORE_KINDS, ...WORKLOAD_KINDS, ...OTHER_KINDS];

const BY_URL: ReadonlyMap<string, Kind> = new Map(
  KINDS.map((kind) => [`${kind.group}/${kind.version}/${kind.resource}`, kind]),
);

export function kindOf(group: string, version: string, resource: string): Kind | undefined {
  return BY_URL.get(`${group}/${version}/${resource}`);
}

/** The groups in the order in which they are announced: clients take the first that has a name they look for. */
export const GROUPS: readonly string[] = [...new Set(KINDS.map(({ group }) => group))].filter((group) => group !== '');

export function isServed(group: string, version: string): boolean {
  return KINDS.some((kind) => kind.group === group && kind.version === version);
}
