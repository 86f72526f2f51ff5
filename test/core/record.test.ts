/** Records: ids, states, reading them back, and which changes still stand. */
import {
  advanceRecord,
  changeId,
  isChangeId,
  parseRecord,
  standingChanges,
  type ChangeRecord,
} from '../../src/core/record';

const record = (id: string, undoes?: string[]): ChangeRecord => ({
  schema: 1,
  id,
  tool: '1',
  command: undoes ? 'rollback' : 'enable',
  summary: [],
  startedAt: '2026-01-01T00:00:00.000Z',
  by: { uid: 0, user: 'root', pid: 1, host: 'h' },
  manifestPath: '/m',
  files: [],
  foldersMade: [],
  state: 'prepared',
  states: [{ state: 'prepared', at: '2026-01-01T00:00:00.000Z' }],
  before: { processes: [], pods: [] },
  writtenAt: null,
  timeoutMs: 1,
  verify: true,
  keepOnFailure: false,
  ...(undoes ? { undoes } : {}),
});

test('ids sort by time and are recognised', () => {
  const ids = [0, 999, 1000, 86_400_000, 1.7e12].map((ms) => changeId(ms, 'abcdef12'));
  expect(ids[4]).toBe('20231114T221320Z-abcdef');
  expect([...ids].sort()).toEqual(ids);
  expect(ids.filter(isChangeId)).toEqual(ids);
});

test.each([
  '',
  '20231114T221320Z',
  '20231114T221320Z-ABCDEF',
  '../20231114T221320Z-abcdef',
  '20231114T221320Z-abcdef.tmp',
])('%j is no id of ours', (name) => {
  expect(isChangeId(name)).toBe(false);
});

test('a state is added to those before it, and the record itself is not changed', () => {
  const first = record('a');
  const next = advanceRecord(first, 'written', '2026-01-01T00:00:05.000Z', { writtenAt: 5 });
  expect(next).toMatchObject({ state: 'written', writtenAt: 5 });
  expect(next.states.map(({ state }) => state)).toEqual(['prepared', 'written']);
  expect(first).toEqual(record('a'));
});

test('what was written is read back', () => {
  expect(parseRecord(JSON.stringify(record('a')), '/r')).toEqual(record('a'));
});

test.each([
  ['{', 'is not JSON'],
  ['', 'is not JSON'],
  ['null', 'has schema undefined'],
  ['{"schema":2}', 'has schema 2; this tool reads 1'],
  ['[]', 'has schema undefined'],
])('%j cannot be read', (text, message) => {
  expect(() => parseRecord(text, '/r/record.json')).toThrow(
    expect.objectContaining({
      code: 'record-unreadable',
      message: expect.stringContaining(`/r/record.json ${message}`),
    }),
  );
});

test.each([
  ['nothing undone', [record('a'), record('b')], ['a', 'b']],
  ['the last one undone', [record('a'), record('b'), record('r', ['b'])], ['a']],
  ['all undone', [record('a'), record('b'), record('r', ['b']), record('s', ['a', 'b', 'r'])], []],
  ['the undoing undone', [record('a'), record('b'), record('r', ['b']), record('s', ['r'])], ['a', 'b']],
  ['undone, and changed again', [record('a'), record('r', ['a']), record('c')], ['c']],
])('standing changes: %s', (_name, kept, expected) => {
  expect(standingChanges(kept).map(({ id }) => id)).toEqual(expected);
});
