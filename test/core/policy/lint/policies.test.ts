// Whole policies: good ones raise no alarm, bad ones exactly theirs.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { lintPolicy } from '../../../../src/core/policy/lint';
import { PRESETS } from '../../../../src/core/policy/presets';

const FOLDER = join(__dirname, '../../../../fixtures/policies');
const read = (name: string) => readFileSync(join(FOLDER, name), 'utf8');

test.each(readdirSync(join(FOLDER, 'good')))('good: %s', (name) => {
  const { loads, lenient, findings } = lintPolicy(read(`good/${name}`));
  expect({ loads, lenient }).toEqual({ loads: true, lenient: false });
  expect(findings.filter(({ severity }) => severity !== 'info')).toEqual([]);
});

test.each(PRESETS.map(({ name, text }) => [name, text]))('preset %s has nothing wrong with it', (_, text) => {
  const { loads, lenient, findings } = lintPolicy(text);
  expect({ loads, lenient }).toEqual({ loads: true, lenient: false });
  expect(findings.filter(({ severity }) => severity !== 'info')).toEqual([]);
});

test.each<[string, string[]]>([
  ['catch-all-first.yaml', ['unreachable-rule:7', 'unreachable-rule:11', 'unreachable-rule:15']],
  ['hardened-default.yaml', ['logs-nothing:7']],
  ['security-tool.yaml', ['wrong-group:9', 'wrong-group:9']],
  [
    'misspelt-fields.yaml',
    [
      'unknown-field:4',
      'logs-nothing:6',
      'unknown-field:7',
      'unreachable-rule:10',
      'unknown-field:11',
      'unknown-field:12',
      'unreachable-rule:13',
    ],
  ],
  ['secrets-by-wildcard.yaml', ['sensitive-bodies:13']],
  ['old-version.yaml', ['wrong-api-version:2']],
])('bad: %s', (name, expected) => {
  const errors = lintPolicy(read(`bad/${name}`)).findings.filter(({ severity }) => severity === 'error');
  expect(errors.map(({ code, place }) => `${code}:${place?.line ?? 0}`)).toEqual(expected);
});
