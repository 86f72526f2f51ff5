import { createHash } from 'node:crypto';
import type { ReportData, ReportEvent } from '../../src/core/auditlog/report';
import { ReportCollector } from '../../src/core/auditlog/report';
import { EventScan } from '../../src/core/auditlog/scan';
import { SCRIPT, SCRIPT_HASH } from '../../src/output/log/html/assets';
import { reportHtml } from '../../src/output/log/html/report';
import { line, type EventParts } from '../support/audit-events';

const collect = (...events: EventParts[]): ReportData => {
  const collector = new ReportCollector();
  const scan = new EventScan();
  for (const each of events) {
    const bytes = new TextEncoder().encode(line(each));
    scan.scan(bytes, 0, bytes.length);
    collector.add(scan);
  }
  return collector.result();
};

const page = (
  data: ReportData,
  more: { gaps?: { from: string; to: string; minutes: number }[]; missing?: string[] } = {},
): string =>
  reportHtml({
    data,
    files: [{ path: '<f>.log', size: 1, bytes: 1, events: 1, damaged: 0 }],
    gaps: more.gaps ?? [],
    missing: more.missing ?? [],
    utc: true,
    madeAt: 0,
    version: '0',
  });

/** What a section has, as text. */
const section = (html: string, id: string): string =>
  (new RegExp(`<section id="${id}">([\\s\\S]*?)</section>`).exec(html)?.[1] ?? '')
    .replaceAll('<wbr>', '')
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ');

test('the page allows no script but its own, whose hash it has, and needs no network', () => {
  expect(SCRIPT_HASH).toBe(createHash('sha256').update(SCRIPT).digest('base64'));
  const html = page(collect({}));
  expect(html).toContain(`script-src 'sha256-${SCRIPT_HASH}'`);
  expect(html).toContain("default-src 'none'");
  expect(html).not.toMatch(/(?:src|href)="(?!#)/);
  expect(html).not.toContain('url(');
});

test('everything that a stranger wrote is escaped', () => {
  const evil = '"><script>alert(1)</script><img src=x onerror=alert(2)>\u0000\u202e\'`=';
  const parts: EventParts = {
    user: evil,
    as: evil,
    verb: evil,
    resource: evil,
    namespace: evil,
    name: evil,
    uri: `/${evil}`,
    ips: [evil],
    agent: evil,
    code: 403,
    level: evil,
    auditID: evil,
  };
  const html = page(
    collect(
      parts,
      { ...parts, user: '', resource: undefined },
      { ...parts, resource: 'pods', subresource: 'exec', uri: `/x?command=${encodeURIComponent(evil)}` },
      { ...parts, verb: 'create', group: 'rbac.authorization.k8s.io' },
      { ...parts, resource: 'secrets' },
    ),
    { missing: [evil] },
  );
  expect(html.match(/<script/g)).toHaveLength(1);
  expect(html).not.toContain('<img');
  expect(html).not.toContain('<f>');
  expect(html).not.toMatch(/[\u0000\u202e]/);
});

test('what is told', () => {
  const html = page(
    collect(
      {
        user: 'alice',
        resource: 'secrets',
        namespace: 'prod',
        name: 'db',
        verb: 'get',
        time: '2026-01-01T00:00:00.000000Z',
      },
      { user: 'eve', resource: 'secrets', verb: 'list', code: 403, time: '2026-01-01T01:00:00.000000Z' },
      {
        user: 'bob',
        resource: 'pods',
        subresource: 'exec',
        name: 'web',
        verb: 'create',
        uri: '/api/v1/namespaces/a/pods/web/exec?command=sh&command=-c&command=id&stdin=true',
        code: 101,
      },
      { user: 'root', as: 'jane', resource: 'roles', group: 'rbac.authorization.k8s.io', verb: 'patch', name: 'r' },
      { user: '', code: 401, stage: 'ResponseStarted', uri: '/api/v1/pods?token=abc', ips: ['6.6.6.6'] },
      { user: 'x', uri: '/healthz/ping', stage: 'Panic' },
    ),
    { gaps: [{ from: '2026-01-01T00:00', to: '2026-01-01T01:00', minutes: 60 }] },
  );
  expect(section(html, 'denied')).toContain('eve list secrets');
  expect(section(html, 'anonymous')).toMatch(/6\.6\.6\.6 get \/api\/v1\/pods\?token&#61;\*\*\* 401/);
  expect(section(html, 'sessions')).toContain('bob create pods/exec – web sh -c id');
  expect(section(html, 'secrets')).toContain('alice get prod db 200');
  expect(section(html, 'rbac')).toContain('root as jane patch roles.rbac.authorization.k8s.io');
  expect(section(html, 'resources')).toContain('/healthz');
  expect(section(html, 'gaps')).toContain('2026-01-01 00:00:00Z 2026-01-01 01:00:00Z 60 min');
  expect(section(html, 'time')).toMatch(/A bar is a minute/);
  expect(html).toMatch(/<title>[^<]*read 1[^<]*<\/title>/);
});

test('of nothing, too', () => {
  const html = page(collect());
  expect(html).toContain('no events');
  expect(section(html, 'denied')).toContain('None.');
});

test('what there is too much of is counted', () => {
  const event = {
    time: '',
    user: '',
    as: '',
    verb: '',
    resource: '',
    namespace: '',
    name: '',
    uri: '',
    ip: '',
    agent: '',
    code: '',
    auditId: '',
  } satisfies ReportEvent;
  const data = collect({});
  expect(section(page({ ...data, sessions: [event], sessionCount: 2000 }), 'sessions')).toContain('and 1999 more');
});
