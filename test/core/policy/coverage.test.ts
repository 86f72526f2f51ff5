import type { CoverageRow } from '../../../src/core/policy/coverage';
import { policyCoverage } from '../../../src/core/policy/coverage';
import { loadPolicy } from '../../../src/core/policy/load';
import { PRESETS } from '../../../src/core/policy/presets';

function coverage(rules: string): Map<string, CoverageRow> {
  const { policy } = loadPolicy(`apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n${rules}`);
  return new Map(policyCoverage(policy!).map((row) => [row.concern, row]));
}

function shown(row: CoverageRow | undefined): string {
  const range = ({ lowest, highest }: { lowest: string; highest: string }) =>
    lowest === highest ? lowest : `${lowest}..${highest}`;
  const cells = row?.cells.map(
    (cell) => `${cell.verbs} ${range(cell)}${cell.exceptions.map((one) => `, ${range(one)} ${one.what}`).join('')}`,
  );
  return `${cells?.join('; ') ?? ''}: ${row?.verdict ?? ''}`;
}

test.each<[string, string, string, string]>([
  [
    'everything by metadata',
    '- level: Metadata\n',
    'secrets',
    'read Metadata; write Metadata; delete Metadata: covered',
  ],
  ['nothing', '- level: None\n', 'pods-exec', 'use None: missing'],
  ['bodies of everything', '- level: Request\n', 'secrets', 'read Request; write Request; delete Request: leaks'],
  [
    'bodies of reads have none',
    '- level: Request\n  verbs: [get, list]\n- level: Metadata\n',
    'secrets',
    'read Metadata..Request; write Metadata; delete Metadata: covered',
  ],
  ['tokens leak in answers only', '- level: Request\n', 'token-requests', 'use Request: covered'],
  [
    'one verb left out',
    '- level: None\n  verbs: [update]\n- level: Metadata\n',
    'pods',
    'write None..Metadata; delete Metadata: partly',
  ],
  [
    'one user left out',
    '- level: None\n  users: [bob]\n- level: Metadata\n',
    'pods',
    'write Metadata, None bob; delete Metadata, None bob: covered',
  ],
  [
    'a group of users',
    '- level: Request\n  userGroups: [ops]\n- level: Metadata\n',
    'nodes',
    'write Metadata, Request members of ops; delete Metadata, Request members of ops: covered',
  ],
  [
    'one namespace',
    '- level: None\n  namespaces: [dev]\n- level: Metadata\n',
    'workloads',
    'write Metadata, None in dev; delete Metadata, None in dev: covered',
  ],
  [
    'what has no namespace',
    '- level: None\n  namespaces: [dev]\n- level: Metadata\n',
    'nodes',
    'write Metadata; delete Metadata: covered',
  ],
  [
    'a namespace itself',
    '- level: None\n  namespaces: [dev]\n- level: Metadata\n',
    'namespaces',
    'write Metadata, None..Metadata in dev; delete Metadata, None..Metadata in dev: covered',
  ],
  [
    'a user in a namespace',
    '- level: None\n  users: [bob]\n  namespaces: [dev]\n- level: Metadata\n',
    'pods',
    'write Metadata, None bob in dev; delete Metadata, None bob in dev: covered',
  ],
  [
    'a name',
    '- level: None\n  resources:\n  - group: ""\n    resources: [configmaps]\n    resourceNames: [leader]\n- level: Metadata\n',
    'configmaps',
    'read Metadata, None..Metadata named leader; write Metadata, None..Metadata named leader; delete Metadata, None..Metadata named leader: covered',
  ],
  [
    'only one of the workloads',
    '- level: Metadata\n  resources:\n  - group: apps\n    resources: [deployments]\n',
    'workloads',
    'write None..Metadata; delete None..Metadata: partly',
  ],
  ['rights without bodies', '- level: Metadata\n', 'rbac', 'write Metadata; delete Metadata: partly'],
  [
    'failed logins need a rule without users',
    '- level: Metadata\n  userGroups: [system:authenticated, system:unauthenticated]\n',
    'failed-logins',
    'read None; write None: missing',
  ],
  [
    'anonymous requests',
    '- level: Metadata\n  userGroups: [system:unauthenticated]\n',
    'anonymous',
    'read Metadata; write Metadata: covered',
  ],
])('%s', (_, rules, concern, expected) => {
  expect(shown(coverage(rules).get(concern))).toBe(expected);
});

test('the presets cover what the benchmark names', () => {
  for (const { name, text } of PRESETS.filter((preset) => preset.name !== 'quiet')) {
    const rows = policyCoverage(loadPolicy(text).policy!).filter((row) => row.cis);
    expect({ name, bad: rows.filter((row) => row.verdict !== 'covered').map((row) => row.concern) }).toEqual({
      name,
      bad: [],
    });
  }
});
