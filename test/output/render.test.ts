/** What people are shown: the facts that matter, in their order, and nothing that would mislead. */
import { bugText, errorText, findingText } from '../../src/output/finding';
import { outcomeText } from '../../src/output/outcome';
import { progressLine } from '../../src/output/progress';
import { proofText } from '../../src/output/proof';
import { createStyle, seconds, table } from '../../src/output/style';
import { diffText } from '../../src/output/diff';
import { UserError } from '../../src/core/errors';
import type { Finding } from '../../src/core/finding';
import type { Outcome, RehearsalReport } from '../../src/core/outcome';

const plain = createStyle(false);
const colour = createStyle(true);

const cause: Finding = {
  code: 'unknown-flag',
  severity: 'error',
  title: 'kube-apiserver does not know the flag --x',
  detail: '/var/log/pods/x/0.log\n  Error: unknown flag: --x',
  remedy: ['remove --x', 'first line\n  second line'],
};
const facts = {
  manifestPath: '/m',
  diffs: [{ path: '/m', role: 'manifest' as const, diff: '-a\n+b\n' }],
  changes: ['add flag --x'],
  findings: [],
  notes: [],
};
const ran = { ...facts, changeId: 'ID', recordPath: '/changes/ID', stages: [], apiAwayMs: 38_400, totalMs: 61_000 };

test.each([
  [0, '0.0 s'],
  [1234, '1.2 s'],
  [59_949, '59.9 s'],
  [60_000, '1 min 0 s'],
  [119_600, '2 min 0 s'],
  [3_600_000, '60 min 0 s'],
])('%i ms: %s', (ms, text) => {
  expect(seconds(ms)).toBe(text);
});

test('no time reads as 60 seconds', () => {
  expect(seconds(59_960)).toBe('1 min 0 s');
});

test('columns line up, colour or not', () => {
  const rows = [
    ['a', colour.red('long one'), 'x'],
    ['bbb', 'c', ''],
  ];
  const bare = (text: string): string => text.replaceAll(/\u001b\[\d+m/g, '');
  expect(table(rows).split('\n').map(bare)).toEqual(['a    long one  x', 'bbb  c']);
});

test.each<[RehearsalReport['state'], string]>([
  ['accepted', '\u2713 rehearsed in 0.5 s: what it says'],
  ['rejected', '\u2717 rehearsed in 0.5 s: what it says'],
  ['not-possible', '! what it says'],
])('a rehearsal that is %s', (state, text) => {
  const rehearsal: RehearsalReport = { state, summary: 'what it says', ms: 512 };
  expect(progressLine({ kind: 'rehearsal', rehearsal }, plain)).toEqual({ line: text });
  expect(outcomeText('enable', { outcome: 'planned', ...facts, rehearsal }, plain, { diff: false })).toContain(text);
});

describe('a finding', () => {
  test('title and code, evidence, and every remedy with its further lines below it', () => {
    expect(findingText(cause, plain).split('\n')).toEqual([
      '\u2717 kube-apiserver does not know the flag --x [unknown-flag]',
      '    /var/log/pods/x/0.log',
      '      Error: unknown flag: --x',
      '    \u2192 remove --x',
      '    \u2192 first line',
      '        second line',
    ]);
  });

  test('its place with a caret below the columns that are meant, tabs shown as one column', () => {
    const error = new UserError('manifest-syntax', 'no', {
      place: { file: 'm.yaml', line: 12, column: 3, length: 4, lineText: '\ta: bcd' },
    });
    expect(errorText(error, plain).split('\n')).toEqual([
      '\u2717 no [manifest-syntax]',
      '    m.yaml:12:3',
      '    12 |  a: bcd',
      '           ^^^^',
    ]);
  });

  test('a place without a file or a line', () => {
    expect(errorText(new UserError('x', 'no', { place: { line: 2, column: 1 } }), plain)).toContain('\n    line 2:1');
  });

  test.each([
    ['error', '\u2717'],
    ['warning', '!'],
    ['info', '\u2013'],
  ] as const)('%s is marked without colour too', (severity, mark) => {
    expect(findingText({ ...cause, severity }, plain).startsWith(`${mark} `)).toBe(true);
  });
});

test('a bug is admitted, with what to send', () => {
  expect(bugText('thrown text', '1.2.3', plain)).toMatch(
    /^kube-auditctl 1\.2\.3 has a bug.*\n {4}thrown text\nPlease report it/,
  );
});

describe('an outcome', () => {
  const shown = (outcome: Outcome, diff = false): string => outcomeText('enable', outcome, plain, { diff });

  test('kept: how long the API was away, what was done, the proof, the way back', () => {
    const text = shown({
      outcome: 'kept',
      proof: { state: 'proven', summary: 'event found', secret: { state: 'metadata-only' } },
      mirrorPod: null,
      ...ran,
    });
    expect(text).toContain('The API was away for 38.4 s; all in all it took 1 min 1 s.');
    expect(text).toContain('  add flag --x\n  proven: event found; the value of a (dry-run) Secret was not\n');
    expect(text).toContain('kube-auditctl rollback');
    expect(text).not.toContain('+b');
  });

  test('an API that was never away is not said to have been', () => {
    const proof = { state: 'not-possible' as const, summary: 'no certificate' };
    const text = shown({ outcome: 'kept', proof, mirrorPod: null, ...ran, apiAwayMs: 0 });
    expect(text).toContain('The API was never away');
    expect(text).toContain('not proven: no certificate');
  });

  test('planned: the diff of the manifest without asking; of every file with --diff', () => {
    const policy = { path: '/p', role: 'policy' as const, diff: '+whole policy\n' };
    const outcome: Outcome = { outcome: 'planned', ...facts, diffs: [policy, ...facts.diffs] };
    expect(shown(outcome)).toMatch(/^-a\n\+b\n/);
    expect(shown(outcome)).not.toContain('whole policy');
    expect(shown(outcome, true)).toContain('whole policy');
  });

  test('rolled back: the cause and where its evidence lies', () => {
    const text = shown({ outcome: 'rolled-back', cause, evidencePath: '/changes/ID/evidence', ...ran });
    expect(text).toContain('the old server was seen healthy');
    expect(text).toContain('[unknown-flag]');
    expect(text).toContain('evidence: /changes/ID/evidence');
  });

  test('needs a person: what is left to do first, then what started it; once, when both are one', () => {
    const what = { ...cause, code: 'rollback-failed', title: 'could not be put back' };
    const text = shown({ outcome: 'needs-a-person', cause, what, ...ran });
    expect(text.indexOf('[rollback-failed]')).toBeLessThan(text.indexOf('[unknown-flag]'));
    expect(text).toContain('record: /changes/ID');
    expect(shown({ outcome: 'needs-a-person', cause: what, what, ...ran }).match(/rollback-failed/g)).toHaveLength(1);
  });

  test('refused and unchanged say that nothing was touched; notes are not lost', () => {
    expect(shown({ outcome: 'refused', ...facts, findings: [cause], notes: ['a note'] })).toMatch(
      /\[unknown-flag\][^]*nothing was written[^]*! a note\n$/,
    );
    expect(shown({ outcome: 'unchanged', ...facts, diffs: [] })).toContain('nothing was restarted');
  });
});

describe('progress', () => {
  test('a stage is a line that stays, with its time', () => {
    expect(progressLine({ kind: 'stage', stage: 'ready', afterMs: 40_700 }, plain)).toEqual({
      line: '\u2713 /readyz answers ok (40.7 s)',
    });
  });

  test('waiting is a live line only, with the time away and the best guess', () => {
    const { line, live } = progressLine(
      { kind: 'waiting', stage: 'away', afterMs: 12_000, awayMs: 11_900, doubt: cause },
      plain,
    );
    expect(line).toBeUndefined();
    expect(live).toMatch(
      /waiting for the new server to start \(12\.0 s, API away for 11\.9 s\).*does not know the flag/,
    );
  });

  test('a failure names its cause as soon as it is known', () => {
    expect(progressLine({ kind: 'failed', cause, afterMs: 900 }, plain).line).toMatch(
      /the change failed; going back \(0\.9 s\)\n.*\[unknown-flag\]/,
    );
  });

  test('a proof that was skipped is not told', () => {
    expect(progressLine({ kind: 'proof', proof: { state: 'skipped', summary: '' }, afterMs: 1 }, plain)).toEqual({});
  });

  test.each(['written', 'noticed', 'away', 'started', 'ready', 'steady', 'proven', 'restoring', 'restored'] as const)(
    '%s has words for reached and for waiting',
    (stage) => {
      expect(progressLine({ kind: 'stage', stage, afterMs: 0 }, plain).line).toMatch(/^\u2713 \S.+ \(0\.0 s\)$/);
      expect(progressLine({ kind: 'waiting', stage, afterMs: 0, awayMs: 0 }, plain).live).toMatch(/\w+ \(0\.0 s\)/);
    },
  );
});

test('verify: the proof, and what became of the Secret', () => {
  expect(proofText({ state: 'proven', summary: 'found', secret: { state: 'metadata-only' } }, plain)).toBe(
    '\u2713 found\n\u2713 a dry-run Secret was logged without its value\n',
  );
  expect(proofText({ state: 'failed', summary: 'x', cause, secret: { state: 'leaked' } }, plain)).toContain(
    'stands in the log',
  );
  expect(proofText({ state: 'not-possible', summary: 'no certificate' }, plain)).toBe('! no certificate\n');
});

test('a diff is coloured by its first character, its text unchanged', () => {
  const diff = '--- a\n+++ b\n@@ -1 +1 @@\n-old\n+new\n same';
  expect(diffText(diff, plain)).toBe(diff);
  expect(diffText(diff, colour).split('\n').slice(3)).toEqual([colour.red('-old'), colour.green('+new'), ' same']);
});
