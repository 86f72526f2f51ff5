/** The changes that tests make on a FakeNode, as the command line would. */
import { applyChange, type ChangeRequest } from '../../src/change/apply';
import { planApplyChange } from '../../src/change/plans/apply-file';
import { planDisableChange } from '../../src/change/plans/disable';
import { planEnableChange, type EnableOptions } from '../../src/change/plans/enable';
import { planRollback } from '../../src/change/plans/rollback';
import type { Ports } from '../../src/change/ports';
import { openStore } from '../../src/change/store';
import type { Outcome } from '../../src/core/outcome';
import { MANIFEST, STATE, type FakeNode } from './fake-node';

export function request(
  command: string,
  plan: ChangeRequest['plan'],
  more: Partial<ChangeRequest> = {},
): ChangeRequest {
  return {
    command,
    manifestPath: MANIFEST,
    stateDir: STATE,
    plan,
    dryRun: false,
    ignore: new Set(),
    rehearse: false,
    verify: true,
    keepOnFailure: false,
    timeoutMs: 300_000,
    guardSeconds: 20,
    ...more,
  };
}

type More = Partial<ChangeRequest>;

export function enable(ports: Ports, options: Partial<EnableOptions> = {}, more: More = {}): Promise<Outcome> {
  return applyChange(
    ports,
    request('enable', (live) => planEnableChange(ports, live, { flags: {}, ...options }), more),
  );
}

export function disable(ports: Ports, options: { all?: boolean } = {}, more: More = {}): Promise<Outcome> {
  const store = openStore(ports.files, STATE);
  return applyChange(
    ports,
    request('disable', (live) => planDisableChange(ports, store, live, { all: options.all ?? false }), more),
  );
}

export function rollback(
  ports: Ports,
  options: { to?: string; discardEdits?: boolean } = {},
  more: More = {},
): Promise<Outcome> {
  const store = openStore(ports.files, STATE);
  return applyChange(
    ports,
    request('rollback', (live) => planRollback(ports, store, live, { discardEdits: false, ...options }), more),
  );
}

/** With a flag that preflight would stop, since these tests are about what comes after it. */
export function apply(ports: Ports, text: string, more: More = {}): Promise<Outcome> {
  const file = { bytes: new TextEncoder().encode(text), from: 'new.yaml' };
  return applyChange(
    ports,
    request('apply', (live) => Promise.resolve(planApplyChange(live, file)), {
      ignore: new Set(['unknown-flag']),
      whole: () => file,
      ...more,
    }),
  );
}

/** Calls that change a file system. A dry run makes none. */
const WRITING = new Set(['createExclusive', 'rename', 'unlink', 'chmod', 'mkdir', 'rmdir', 'fsyncFolder']);

/** The writing calls that some work makes, e.g. `rename /a/.tmp`. */
export async function writesOf(node: FakeNode, work: () => Promise<unknown>): Promise<string[]> {
  const from = node.fs.calls.length;
  await work();
  return node.fs.calls
    .slice(from)
    .filter(({ name }) => WRITING.has(name))
    .map(({ name, path }) => `${name} ${path}`);
}

/** A policy as a user would hand it over. */
export function policyFile(text: string): { bytes: Uint8Array; from: string } {
  return { bytes: new TextEncoder().encode(text), from: 'policy.yaml' };
}

export const METADATA_POLICY = 'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: Metadata\n';
