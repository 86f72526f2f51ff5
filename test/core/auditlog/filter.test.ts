import fc from 'fast-check';
import { compileFilter, type FilterSpec } from '../../../src/core/auditlog/filter';
import type { AuditEvent } from '../../../src/core/auditlog/event';
import { EventScan } from '../../../src/core/auditlog/scan';
import { auditEvent, line, oddly, parts, randomFrom, type EventParts } from '../../support/audit-events';

const scan = new EventScan();

function passes(spec: FilterSpec, text: string): boolean {
  const filter = compileFilter(spec);
  const bytes = new TextEncoder().encode(text);
  return (
    scan.open(bytes, 0, bytes.length) && filter.head(scan) && scan.rest() && filter.test(scan) && filter.after(scan)
  );
}

const passing: [string, FilterSpec, EventParts][] = [
  ['an exact user', { user: ['alice'] }, { user: 'alice' }],
  ['one of several', { verb: ['get', 'delete'] }, { verb: 'delete' }],
  ['with commas', { verb: ['get,delete'] }, { verb: 'delete' }],
  ['none of these', { verb: ['!get', '!list'] }, { verb: 'delete' }],
  ['a pattern', { user: ['system:serviceaccount:*:robot'] }, { user: 'system:serviceaccount:prod:robot' }],
  ['one of the groups', { group: ['b'] }, { groups: ['a', 'b'] }],
  ['no such group', { group: ['!c'] }, { groups: ['a', 'b'] }],
  ['a resource with all below it', { resource: ['pods'] }, { resource: 'pods', subresource: 'exec' }],
  ['a resource without', { resource: ['pods/'] }, { resource: 'pods' }],
  ['a subresource', { resource: ['pods/exec'] }, { resource: 'pods', subresource: 'exec' }],
  ['any resource with one', { resource: ['*/exec'] }, { resource: 'pods', subresource: 'exec' }],
  ['a resource of a group', { resource: ['deployments.apps'] }, { resource: 'deployments', group: 'apps' }],
  ['all of a group', { resource: ['*.apps'] }, { resource: 'deployments', group: 'apps' }],
  ['a short name', { resource: ['deploy'] }, { resource: 'deployments', group: 'apps' }],
  ['a kind', { resource: ['Secret'] }, { resource: 'secrets' }],
  ['a custom resource', { resource: ['things.example.com'] }, { resource: 'things', group: 'example.com' }],
  ['without a namespace', { namespace: [''] }, { resource: 'nodes' }],
  ['an address', { ip: ['10.0.0.5'] }, { ips: ['192.168.1.1', '10.0.0.5'] }],
  ['a network', { ip: ['10.0.0.0/8'] }, { ips: ['10.200.1.1'] }],
  ['a network of IPv6', { ip: ['2001:db8::/32'] }, { ips: ['2001:db8:1::5'] }],
  ['not from a network', { ip: ['!10.0.0.0/8'] }, { ips: ['192.168.1.1'] }],
  ['a code', { code: ['403'] }, { code: 403 }],
  ['a family of codes', { code: ['4xx'] }, { code: 404 }],
  ['codes from one on', { code: ['>=400'] }, { code: 500 }],
  ['a range of codes', { code: ['200-299'] }, { code: 201 }],
  ['none of a family', { code: ['!2xx'] }, { code: 404 }],
  ['no code at all', { code: ['!2xx'] }, { stage: 'RequestReceived' }],
  ['a decision', { decision: ['forbid'] }, { annotations: { 'authorization.k8s.io/decision': 'forbid' } }],
  ['a part of the agent', { agent: ['kubectl'] }, { agent: 'kubectl/v1.36.0 (linux)' }],
  ['an annotation', { annotation: ['x'] }, { annotations: { x: 'y' } }],
  ['an annotation with a value', { annotation: ['x=y*'] }, { annotations: { x: 'yes' } }],
  ['without an annotation', { annotation: ['!x'] }, { annotations: { z: '' } }],
  ['whom they acted as', { as: ['jane'] }, { as: 'jane' }],
  ['anybody', { as: ['!'] }, { as: 'jane' }],
  [
    'an expression',
    { where: ['responseStatus.code >= 400 and user.groups contains "x"'] },
    { code: 403, groups: ['x'] },
  ],
  [
    'an expression over a body',
    { where: ['requestObject.a[].b == 2'] },
    { level: 'Request', requestObject: { a: [{ b: 1 }, { b: 2 }] } },
  ],
  ['one of several filters', { any: [{ verb: ['x'] }, { verb: ['get'], code: ['200'] }] }, {}],
  ['from a moment on', { since: Date.UTC(2026, 0, 1) * 1000 }, { time: '2026-01-01T00:00:00.000000Z' }],
  ['up to a moment', { until: Date.UTC(2026, 0, 1) * 1000 }, { time: '2026-01-01T00:00:00Z' }],
  ['time with another offset', { since: Date.UTC(2026, 0, 1) * 1000 }, { time: '2026-01-01T02:00:00.5+02:00' }],
  ['the presets: secrets', { preset: ['secrets'] }, { resource: 'secrets' }],
  ['the presets: exec', { preset: ['exec'] }, { resource: 'pods', subresource: 'exec', verb: 'get' }],
  ['the presets: rbac', { preset: ['rbac'] }, { resource: 'roles', group: 'rbac.authorization.k8s.io', verb: 'patch' }],
  ['the presets: failed', { preset: ['failed'] }, { code: 409 }],
  ['the presets: panics failed', { preset: ['failed'] }, { stage: 'Panic', code: 200 }],
  ['the presets: anonymous', { preset: ['anonymous'] }, { user: '' }],
  ['the presets: escalation', { preset: ['escalation'] }, { as: 'root' }],
];

test.each(passing)('%s', (_name, spec, each) => {
  expect(passes(spec, line(each))).toBe(true);
});

const refused: [string, FilterSpec, EventParts][] = [
  ['another user', { user: ['alice'] }, { user: 'alicea' }],
  ['case counts', { user: ['Alice'] }, { user: 'alice' }],
  ['a negation beats a wish', { user: ['a*', '!alice'] }, { user: 'alice' }],
  ['a subresource is wanted', { resource: ['pods/exec'] }, { resource: 'pods' }],
  ['a subresource is not', { resource: ['pods/'] }, { resource: 'pods', subresource: 'log' }],
  ['the other group', { resource: ['deployments.apps'] }, { resource: 'deployments', group: 'extensions' }],
  ['what is no resource', { resource: ['*'] }, { uri: '/healthz' }],
  ['a neighbour of the network', { ip: ['10.0.0.0/9'] }, { ips: ['10.200.1.1'] }],
  ['IPv4 is not IPv6', { ip: ['::/0'] }, { ips: ['10.0.0.1'] }],
  ['the next family', { code: ['4xx'] }, { code: 500 }],
  ['an unanswered request has no code', { code: ['<500'] }, { stage: 'RequestReceived' }],
  ['nobody acted as anybody', { as: ['!'] }, {}],
  [
    'reads are no changes',
    { preset: ['rbac'] },
    { resource: 'roles', group: 'rbac.authorization.k8s.io', verb: 'list' },
  ],
  ['a moment too early', { since: Date.UTC(2026, 0, 1) * 1000 }, { time: '2025-12-31T23:59:59.999999Z' }],
  ['the log of a pod is no way in', { preset: ['exec'] }, { resource: 'pods', subresource: 'log' }],
];

test.each(refused)('not: %s', (_name, spec, each) => {
  expect(passes(spec, line(each))).toBe(false);
});

/** The same questions over the parsed event, as jq would be asked. */
const QUESTIONS: [FilterSpec, (event: AuditEvent) => boolean][] = [
  [{ user: ['alice'] }, (e) => e.user?.username === 'alice'],
  [{ verb: ['delete'], resource: ['secrets'] }, (e) => e.verb === 'delete' && e.objectRef?.resource === 'secrets'],
  [{ name: ['!alice'] }, (e) => (e.objectRef?.name ?? '') !== 'alice'],
  [{ namespace: ['n*'] }, (e) => (e.objectRef?.namespace ?? '').startsWith('n')],
  [{ group: ['exec'] }, (e) => e.user?.groups?.includes('exec') ?? false],
  [{ ip: ['10.0.0.1'] }, (e) => e.sourceIPs!.includes('10.0.0.1')],
  [{ code: ['>=400'] }, (e) => (e.responseStatus?.code ?? 0) >= 400],
  [{ agent: ['名'] }, (e) => (e.userAgent ?? '').includes('名')],
  [{ decision: ['alice'] }, (e) => e.annotations?.['authorization.k8s.io/decision'] === 'alice'],
  [{ where: ['objectRef.resource =~ "role"'] }, (e) => /role/.test(e.objectRef?.resource ?? '')],
  [
    { where: ['requestObject.verb == "delete" or not impersonatedUser'] },
    (e) => (e.requestObject as { verb?: string } | null | undefined)?.verb === 'delete' || !e.impersonatedUser,
  ],
  [
    { as: ['*a*'], level: ['Metadata'] },
    (e) => (e.impersonatedUser?.username ?? '').includes('a') && e.level === 'Metadata',
  ],
];

test.each(QUESTIONS)('%j: as asked of the parsed event, however it is written', (spec, reference) => {
  fc.assert(
    fc.property(parts, fc.integer(), (each, seed) => {
      const event = JSON.parse(line(each)) as AuditEvent;
      expect(passes(spec, line(each))).toBe(reference(event));
      expect(passes(spec, oddly(auditEvent(each), randomFrom(seed)))).toBe(reference(event));
    }),
  );
});

test.each<[FilterSpec, string]>([
  [{ ip: ['10.0.0'] }, 'bad-address'],
  [{ ip: ['10.0.0.0/33'] }, 'bad-address'],
  [{ code: ['4x'] }, 'bad-code'],
  [{ stage: ['Complete'] }, 'bad-stage'],
  [{ preset: ['all'] }, 'unknown-log-preset'],
  [{ where: ['a ='] }, 'bad-expression'],
])('%j is refused as %s', (spec, code) => {
  expect(() => compileFilter(spec)).toThrow(expect.objectContaining({ code }) as Error);
});
