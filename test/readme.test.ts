/** The README is kept true: its commands and options exist, its exit codes are the program's, its files are there. */
import { existsSync, readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { buildProgram } from '../src/cli/program';
import type { Context } from '../src/cli/context';
import { EXIT_CODES } from '../src/core/outcome';

const README = readFileSync('README.md', 'utf8');
const SCRIPTS = (JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> }).scripts;

const unused = (): never => {
  throw new Error('not to be called: the command line is only looked at');
};
const program = buildProgram({
  streams: { out: unused, talk: unused, live: unused, outColour: false, talkColour: false },
  world: unused,
  doctor: unused,
  readInput: unused,
  inputLines: unused,
  begin: unused,
  writeOutput: unused,
  editor: unused,
  terminal: unused,
  replayLogs: unused,
  sandboxDirs: { standard: '/none' },
  enterSandbox: unused,
  sandboxes: unused,
  runSelf: unused,
  interrupts: { first: new AbortController().signal, second: new AbortController().signal },
  logs: unused,
  writeParquet: unused,
  now: unused,
  exit: unused,
} satisfies Context);

const used = [...README.matchAll(/kube-auditctl ([a-z]+)([^\n`|#]*)/g)].map(([, name = '', rest = '']) => ({
  name,
  rest,
}));

test('every command that it shows exists, and every command is shown', () => {
  const known = program.commands.map((command) => command.name());
  const shown = new Set(used.map(({ name }) => name).filter((name) => known.includes(name)));
  expect([...shown].sort()).toEqual([...known].sort());
});

test.each(used.filter(({ name }) => program.commands.some((command) => command.name() === name)))(
  '$name$rest: its options exist',
  ({ name, rest }) => {
    const parent = program.commands.find((each) => each.name() === name) as Command;
    const command = parent.commands.find((each) => each.name() === rest.trim().split(' ')[0]) ?? parent;
    const options = [...program.options, ...command.options].flatMap(({ long, short }) => [long, short]);
    for (const [option] of rest.split(' -- ')[0]!.matchAll(/(?<=\s)--?[a-z][a-z-]*/g))
      expect(options).toContain(option);
  },
);

test('its options of all commands are those of the program', () => {
  const section = /### Options of all commands\n([\s\S]*?)\n###/.exec(README)?.[1] ?? '';
  for (const [, option] of section.matchAll(/`(--[a-z-]+)/g)) {
    expect(program.options.map((option) => option.long)).toContain(option);
  }
});

test('its exit codes are the program’s', () => {
  for (const [code, meaning] of Object.entries(EXIT_CODES)) expect(README).toContain(`| ${code} | ${meaning} |`);
});

test('the scripts and the files that it names are there', () => {
  for (const [, script = ''] of README.matchAll(/npm (?:run )?(test|bench|e2e|build)\b/g))
    expect(SCRIPTS).toHaveProperty(script);
  for (const [, path = ''] of README.matchAll(/\]\(([^)#:]+)\)/g))
    expect([path, existsSync(path)]).toEqual([path, true]);
});
