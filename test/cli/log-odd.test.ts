/** `log` with what no API server writes: one odd event neither ends a command nor hides the others. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AuditEvent } from '../../src/core/auditlog/event';
import { auditEvent, line } from '../support/audit-events';
import { run, type Run } from '../support/command-line';
import { FakeNode } from '../support/fake-node';
import { fixture } from '../support/manifests';
import { tempFolder } from '../support/temp-folder';

const log = (...args: string[]): Promise<Run> =>
  run(new FakeNode(fixture('kubeadm-1.36.yaml')), ['log', ...args], { uid: 1000, disk: true });

const put = (text: string): string => {
  const path = join(tempFolder(), 'audit.log');
  writeFileSync(path, text);
  return path;
};

const COMMANDS = [
  ['query'],
  ['query', '-o', 'wide'],
  ['query', '-o', 'csv'],
  ['query', '-o', 'jsonl', '--bodies', '--reveal'],
  ['query', '--fields', 'groups,as,ips,ip,who,what,reason,decision,code,answer'],
  ['query', '--where', 'requestObject.a.a == "x" or sourceIPs == 1 or not (user == objectRef)'],
  ['top', '--by', 'user,as,ip,agent,code,reason,decision,hour'],
  ['report'],
  ['show', 'odd'],
  ['show', 'odd', '-o', 'json', '--reveal'],
  ['who', 'touched', 'secret/x'],
];

const ODD: [string, Record<string, unknown>][] = [
  ['user', { user: 'text' }],
  ['user', { user: null }],
  ['user', { user: { username: 5, groups: 'one' } }],
  ['user', { user: { username: 'alice', groups: [1, null, {}] } }],
  ['impersonatedUser', { impersonatedUser: 'x' }],
  ['sourceIPs', { sourceIPs: '1.2.3.4' }],
  ['sourceIPs', { sourceIPs: [1, null] }],
  ['objectRef', { objectRef: [] }],
  ['objectRef', { objectRef: { resource: 'secrets', name: {} } }],
  ['annotations', { annotations: { a: 1, b: null, c: { d: 1 } } }],
  ['annotations', { annotations: 'x' }],
  ['responseStatus', { responseStatus: { code: '403', reason: {}, message: 5 } }],
  ['responseStatus', { responseStatus: { code: 1e20 } }],
  ['requestURI', { requestURI: 3 }],
  ['verb', { verb: null, stage: null, level: 1, userAgent: 7 }],
  ['stageTimestamp', { stageTimestamp: 5 }],
  ['stageTimestamp', { stageTimestamp: '+275760-09-13T00:00:00Z' }],
];

test.each(ODD)('%s of a wrong type: %j', async (_field, parts) => {
  const odd = { ...auditEvent({ auditID: 'odd', resource: 'secrets', name: 'x' }), ...parts };
  const path = put(`${JSON.stringify(odd)}\n${line({ auditID: 'plain', resource: 'secrets', name: 'x' })}\n`);
  for (const args of COMMANDS) {
    const { code, talk } = await log(...args, path);
    expect({ args, code, talk }).toEqual({ args, code: 0, talk: '' });
  }
  const shown = (await log('query', '-o', 'jsonl', path)).out.trimEnd().split('\n');
  expect(shown.map((each) => JSON.parse(each) as unknown)).toEqual([
    odd,
    expect.objectContaining({ auditID: 'plain' }),
  ]);
});

test('what is of a wrong type is told as JSON text', async () => {
  const odd = {
    ...auditEvent({ auditID: 'odd', resource: 'secrets' }),
    user: { username: { a: 1 }, groups: [1, 'two'] },
    sourceIPs: '1.2.3.4',
    requestURI: 3,
  };
  const { out } = await log('query', '--fields', 'who,groups,ips,uri', '-o', 'csv', put(`${JSON.stringify(odd)}\n`));
  expect(out).toBe('who,groups,ips,uri\r\n"{""a"":1}","1,two",1.2.3.4,3\r\n');
});

test('a body that is nested deeper than anybody can write', async () => {
  const deep = `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`;
  const odd = line({ auditID: 'odd', resource: 'secrets', name: 'x', requestObject: 'DEEP' }).replace('"DEEP"', deep);
  const path = put(`${odd}\n${line({ auditID: 'plain', resource: 'secrets', name: 'x' })}\n`);
  for (const args of COMMANDS) {
    const { code, talk } = await log(...args, path);
    expect({ args, code, talk }).toEqual({ args, code: 0, talk: '' });
  }
  const { out } = await log('query', '-o', 'jsonl', '--bodies', '--reveal', path);
  expect(
    out
      .trimEnd()
      .split('\n')
      .map((each) => (JSON.parse(each) as AuditEvent).auditID),
  ).toEqual(['odd', 'plain']);
  expect(out).toContain('nested too deep to be shown');
  const list = put(`{"kind":"EventList","items":[${odd},${line({ auditID: 'plain' })}]}\n`);
  expect((await log('query', '--fields', 'id', '-o', 'csv', list)).out).toContain('plain');
});

test('show takes an Audit-ID literally', async () => {
  const ids = ['a*b,c', '!x', 'plain-1', 'plain-2'];
  const path = put(ids.map((auditID) => `${line({ auditID })}\n`).join(''));
  const shown = async (id: string): Promise<unknown> =>
    ((await log('show', id, path, '-o', 'json')).json().events as AuditEvent[]).map(({ auditID }) => auditID);
  expect(await shown('*')).toEqual([]);
  expect(await shown('!x')).toEqual(['!x']);
  expect(await shown('!xy')).toEqual([]);
  expect(await shown('a*b,c')).toEqual(['a*b,c']);
  expect(await shown('a*b,')).toEqual(['a*b,c']);
  expect(await shown('plain')).toEqual(['plain-1', 'plain-2']);
});
