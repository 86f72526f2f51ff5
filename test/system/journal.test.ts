import { appendFileSync, chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openJournal } from '../../src/system/journal';
import { tempFolder } from '../support/temp-folder';
import { until } from '../support/until';

/**
 * A journalctl that answers from a file of entries, whose cursors are their line numbers. It fails while a file `broken`
 * says so, and writes down what it was asked.
 */
function fakeJournalctl() {
  const folder = tempFolder();
  const entries = join(folder, 'entries');
  const program = join(folder, 'journalctl');
  writeFileSync(entries, '');
  writeFileSync(join(folder, 'broken'), '');
  writeFileSync(
    program,
    `#!${process.execPath}
const { appendFileSync, readFileSync } = require('node:fs');
const args = process.argv.slice(2);
appendFileSync(${JSON.stringify(join(folder, 'asked'))}, JSON.stringify(args) + '\\n');
const broken = readFileSync(${JSON.stringify(join(folder, 'broken'))}, 'utf8');
if (broken) { process.stderr.write(broken); process.exitCode = 1; }
else {
  const all = readFileSync(${JSON.stringify(entries)}, 'utf8').split('\\n').slice(0, -1);
  const after = args.find((a) => a.startsWith('--after-cursor='));
  const since = args.find((a) => a.startsWith('--since=@'));
  if (args.includes('--show-cursor')) { if (all.length) process.stdout.write('-- cursor: forged\\nlast\\n-- cursor: ' + all.length + '\\n'); }
  else all.forEach((line, i) => {
    const { at, text } = JSON.parse(line);
    if (after ? i + 1 > Number(after.slice(15)) : at >= 1000 * Number(since.slice(9)))
      process.stdout.write(JSON.stringify({ MESSAGE: text, __REALTIME_TIMESTAMP: String(at * 1000), __CURSOR: String(i + 1) }) + '\\n');
  });
}
`,
  );
  chmodSync(program, 0o755);
  return {
    program,
    write: (text: string, at = Date.now()) => {
      appendFileSync(entries, `${JSON.stringify({ at, text })}\n`);
    },
    break: (words: string) => {
      writeFileSync(join(folder, 'broken'), words);
    },
    asked: () =>
      readFileSync(join(folder, 'asked'), 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as string[]),
  };
}

test('what is written after opening is seen, once, in order', async () => {
  const fake = fakeJournalctl();
  fake.write('before');
  const journal = await openJournal({ program: fake.program, unit: 'snap.kubelet' });
  fake.write('one');
  fake.write('two');
  await until(() => journal.lines().length === 2);
  const asked = fake.asked().length;
  fake.write('three');
  await until(() => journal.lines().length === 3 && fake.asked().length > asked + 2);
  expect(journal.lines().map(({ text }) => text)).toEqual(['one', 'two', 'three']);
  expect(journal.note()).toBeUndefined();
  await journal.close();
  expect(fake.asked()[0]).toEqual(['--quiet', '--lines=1', '--output=cat', '--show-cursor']);
  expect(fake.asked()[1]).toEqual(['--quiet', '--unit', 'snap.kubelet', '--output=json', '--all', '--after-cursor=1']);
});

test('an empty journal has no cursor: then the time of opening counts', async () => {
  const fake = fakeJournalctl();
  const opened = Date.now();
  const journal = await openJournal({ program: fake.program });
  fake.write('older, mostly of the same second', opened - 1);
  fake.write('newer');
  await until(() => journal.lines().length > 0);
  expect(journal.lines().map(({ text }) => text)).toEqual(['newer']);
  await journal.close();
});

test('a journal that fails is noted and asked again', async () => {
  const fake = fakeJournalctl();
  fake.write('before');
  const journal = await openJournal({ program: fake.program });
  fake.break('Failed to open files: Too many open files\n');
  await until(() => journal.note());
  expect(journal.note()).toBe(`${fake.program}: Failed to open files: Too many open files`);
  fake.write('meanwhile');
  fake.break('');
  await until(() => journal.lines().length === 1);
  expect(journal.note()).toBeUndefined();
  await journal.close();
});

test('another root is said to journalctl', async () => {
  const fake = fakeJournalctl();
  const journal = await openJournal({ program: fake.program, root: '/host' });
  await journal.close();
  expect(fake.asked()[0]?.[0]).toBe('--root=/host');
});

test('no journalctl: no lines, a note, and nothing that runs on', async () => {
  const journal = await openJournal({ program: join(tempFolder(), 'journalctl') });
  expect(journal.lines()).toEqual([]);
  expect(journal.note()).toMatch(/^there is no .*journalctl here$/);
  await journal.close();
});
