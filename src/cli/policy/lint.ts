/** `policy lint`: exit code 1 when a policy would not load or has an error. With --fix, of what is left. */
import type { Command } from 'commander';
import { runFix, runLint, type LintedFile } from '../../change/policy';
import { UserError } from '../../core/errors';
import { LINT_RULES } from '../../core/policy/lint';
import { lintFilesJson, lintJson, lintText } from '../../output/policy-lint';
import { sarif } from '../../output/sarif';
import type { Style } from '../../output/style';
import { VERSION } from '../../version';
import { globals, styles, type Context } from '../context';
import { readPolicy, type NamedPolicy, type VersionFlag } from './input';

export interface LintFlags extends VersionFlag {
  fix: boolean;
  ignore: string[];
  format?: 'text' | 'json' | 'sarif';
}

type Format = 'text' | 'json' | 'sarif';

export async function lint(context: Context, command: Command, names: string[], flags: LintFlags): Promise<void> {
  const options = globals(command);
  const format = (flags.format ?? options.output) as Format;
  const inputs = await Promise.all(
    (names.length === 0 ? [undefined] : names).map((name) => readPolicy(context, command, name)),
  );
  const { out, talk } = styles(context, options);
  if (flags.fix) {
    const [input, ...others] = inputs;
    if (input === undefined || others.length > 0 || format === 'sarif')
      throw new UserError('usage', '--fix takes one policy, and answers as text or json', {
        hints: ['kube-auditctl policy lint FILE --fix'],
      });
    await mend(context, input, flags, format, { out, talk });
    return;
  }
  const linted = inputs.map(
    (input) => runLint([input], { ignore: flags.ignore, ...versionOf(flags, input) }).files[0] as LintedFile,
  );
  context.streams.out(printed(linted, format, out));
  context.exit(linted.every(isClean) ? 0 : 1);
}

/** A file is written only when something in it was mended; from standard input the text goes to standard output. */
async function mend(
  context: Context,
  input: NamedPolicy,
  flags: LintFlags,
  format: Exclude<Format, 'sarif'>,
  { out, talk }: { out: Style; talk: Style },
): Promise<void> {
  if (input.source === 'node')
    throw new UserError(
      'usage',
      "--fix takes a file: the node's own policy is changed by enable, which watches it load",
      {
        hints: [
          `kube-auditctl policy lint --fix - < ${input.file} > fixed.yaml`,
          'kube-auditctl enable --policy fixed.yaml',
        ],
      },
    );
  const lintOptions = { ignore: flags.ignore, ...versionOf(flags, input) };
  const { text, fixed } = runFix(input, lintOptions);
  const left = runLint([{ file: input.file, text }], lintOptions).files[0] as LintedFile;
  const inPlace = input.source === 'file';
  if (inPlace && fixed.length > 0) await context.writeOutput(input.file, new TextEncoder().encode(text), 'replace');
  if (format === 'json') context.streams.out(lintJson(left.report, { fixed, ...(inPlace ? {} : { text }) }));
  else {
    const words = `${mendedText(fixed)}${lintText(left.file, left.report, inPlace ? out : talk)}`;
    if (inPlace) context.streams.out(words);
    else {
      context.streams.out(text);
      context.streams.talk(words);
    }
  }
  context.exit(isClean(left) ? 0 : 1);
}

function mendedText(fixed: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const code of fixed) counts.set(code, (counts.get(code) ?? 0) + 1);
  const list = [...counts].map(([code, count]) => (count === 1 ? code : `${code} (${count})`));
  return list.length === 0 ? 'Nothing to mend.\n' : `Mended: ${list.join(', ')}\n`;
}

function printed(linted: readonly LintedFile[], format: Format, style: Style): string {
  if (format === 'sarif') {
    return sarif(
      linted.flatMap(({ report }) => report.findings),
      LINT_RULES,
      VERSION,
    );
  }
  if (format === 'text') return linted.map(({ file, report }) => lintText(file, report, style)).join('\n');
  const [only, ...others] = linted;
  return only !== undefined && others.length === 0 ? lintJson(only.report) : lintFilesJson(linted);
}

function isClean({ report }: LintedFile): boolean {
  return report.loads && report.findings.every(({ severity }) => severity !== 'error');
}

function versionOf(flags: LintFlags, input: NamedPolicy): VersionFlag {
  const kubeVersion = flags.kubeVersion ?? input.kubeVersion;
  return kubeVersion === undefined ? {} : { kubeVersion };
}
