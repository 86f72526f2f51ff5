/**
 * Every folder test/scenario/doctor-NAME is one breakage of a node: done here to a node on the disk, with the rest as it
 * was recorded; test/e2e/50-doctor.e2e.test.ts does the same to a real one.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { examine } from '../../../src/core/diagnosis/examine';
import { breakNode, lookAtBroken, saidIn, soundNode, type Break } from '../../support/broken-node';

const FOLDER = 'test/scenario';
const names = readdirSync(FOLDER).filter((name) => name.startsWith('doctor-'));

/** expect.json. */
interface Expected {
  code: string;
  title?: string;
  /** Where one of the pieces of evidence stood. */
  where?: string;
  certain?: boolean;
}

test.each(names)('%s', async (name) => {
  const read = (file: string): unknown => JSON.parse(readFileSync(join(FOLDER, name, file), 'utf8'));
  const { steps, seen = {} } = read('break.json') as Break;
  const expected = read('expect.json') as Expected;
  const root = soundNode();
  breakNode(root, steps);
  const { causes, healthy } = examine(await lookAtBroken(root, seen, saidIn(join(FOLDER, name, 'evidence'))));
  const found = causes.find(({ finding }) => finding.code === expected.code);
  expect([healthy, causes.map(({ finding }) => finding.code)]).toEqual([
    false,
    expect.arrayContaining([expected.code]),
  ]);
  expect(found?.certain).toBe(expected.certain ?? true);
  expect(found?.followsFrom).toBeUndefined();
  expect(found?.finding.title).toContain(expected.title ?? '');
  expect(found?.evidence.map(({ where }) => where).join('\n')).toContain(expected.where ?? '');
  expect(found?.finding.remedy).not.toEqual([]);
  // The first cause told is the one that was made, or one that is as certain.
  if (expected.certain !== false) expect(causes[0]?.finding.code).toBe(expected.code);
});

test('a sound node is healthy, with nothing to say', async () => {
  const sight = await lookAtBroken(soundNode(), { api: 'ok', server: 'right' });
  const { healthy, causes, warnings, apiServer, kubelet, etcd } = examine(sight);
  expect([...causes, ...warnings].map(({ finding }) => finding.title)).toEqual([]);
  expect({ healthy, apiServer, kubelet, etcd }).toEqual({
    healthy: true,
    apiServer: 'ready',
    kubelet: 'running',
    etcd: 'healthy',
  });
  expect(sight.notes).toEqual([]);
});
