/**
 * `log`: its subcommands and their options. What they do stands in log/, one file each, loaded when it is asked for: the
 * commands for the node start without it.
 */
import { Command, InvalidArgumentError, Option } from 'commander';
import type { Context } from './context';
import { addFilterOptions, addLogOptions } from './log/options';
import type { ExportFlags } from './log/export';
import type { FollowFlags } from './log/follow';
import type { QueryFlags } from './log/query';
import type { ReportFlags } from './log/report';
import type { ShowOneFlags } from './log/show';
import type { TopFlags } from './log/top';
import type { WhoFlags } from './log/who';

export function logCommand(context: Context): Command {
  const command = new Command('log')
    .summary('read the audit log: query, top, who, show, follow, report, export')
    .description(
      'Reads audit logs: of this node, or any; rotated and gzipped ones too, of several nodes in order of time.',
    );
  for (const make of [queryCommand, topCommand, whoCommand, showCommand, followCommand, reportCommand, exportCommand])
    command.addCommand(make(context));
  return command;
}

/** What `-o` means to a command besides text and json. */
export function logFormats(command: Command): readonly ('jsonl' | 'csv' | 'wide')[] {
  if (command.parent?.name() !== 'log') return [];
  switch (command.name()) {
    case 'query':
    case 'top':
    case 'follow':
      return ['jsonl', 'csv', 'wide'];
    case 'show':
      return ['jsonl'];
    default:
      return [];
  }
}

function queryCommand(context: Context): Command {
  const command = addShowOptions(
    addFilterOptions(
      new Command('query').summary('events by who, what, where, when and how it went').argument('[files...]', FILES),
    ),
  )
    .option('--limit <n>', 'the first n only', count)
    .addOption(new Option('--last <n>', 'the last n only').argParser(count).conflicts('limit'));
  return command.action(async (files: string[], flags: QueryFlags) => {
    await (await import('./log/query')).query(context, command, files, flags);
  });
}

function topCommand(context: Context): Command {
  const command = addFilterOptions(
    new Command('top')
      .summary('what comes how often')
      .argument('[files...]', FILES)
      .addOption(
        new Option(
          '--by <fields>',
          'user, as, verb, resource, subresource, apigroup, namespace, name, ip, agent, code, reason, decision, level, stage, uri, minute, hour, day',
        )
          .argParser((value: string, all: string[] | undefined) => [...(all ?? []), value])
          .default(undefined, 'user,verb,resource'),
      )
      .option('--limit <n>', 'so many rows, 0 for all', count, 20),
  );
  return command.action(async (files: string[], flags: TopFlags) => {
    await (
      await import('./log/top')
    ).top(context, command, files, { ...flags, by: flags.by ?? ['user,verb,resource'] });
  });
}

function whoCommand(context: Context): Command {
  const command = addLogOptions(
    new Command('who')
      .summary('who did it, in one line: log who deleted secret/important -n production')
      .description(
        'Answers who did something: created, deleted, read, changed, touched, exec, attached, port-forwarded, scaled, …\n' +
          'Says so when the policy in force could not have logged it, or the log does not reach back far enough.',
      )
      .argument('<verb>', "deleted, created, read, changed, exec'd, …")
      .argument('<resource/name...>', 'secret/important, deployment.apps/web, pods; then logs')
      .option('-n, --namespace <name>', 'of the resource')
      .option('--since <time>', '2h, 7d, yesterday, 14:05, 2026-01-31, RFC 3339')
      .option('--until <time>', 'the same')
      .option('--policy <file>', "what wrote the log: a file or preset:NAME (default: this node's, for its own log)"),
  );
  return command.action(async (verb: string, words: string[], flags: WhoFlags) => {
    await (await import('./log/who')).who(context, command, verb, words, flags);
  });
}

function showCommand(context: Context): Command {
  const command = addLogOptions(
    new Command('show')
      .summary('everything the log has of one request')
      .argument('<audit-id>', 'or its first characters')
      .argument('[files...]', FILES)
      .option('--no-bodies', 'without request and response')
      .option('--reveal', 'with the values of Secrets', false),
  );
  return command.action(async (id: string, files: string[], flags: ShowOneFlags) => {
    await (await import('./log/show')).show(context, command, id, files, flags);
  });
}

function followCommand(context: Context): Command {
  const command = addShowOptions(
    addFilterOptions(
      new Command('follow').summary('events as they are written, until Ctrl-C').argument('[files...]', FILES),
    ),
  );
  return command.action(async (files: string[], flags: FollowFlags) => {
    await (await import('./log/follow')).follow(context, command, files, flags);
  });
}

function reportCommand(context: Context): Command {
  const command = addFilterOptions(
    new Command('report')
      .summary('what a log tells: who, what, where, what was denied, gaps')
      .argument('[files...]', FILES)
      .option('--html <file>', 'as one page that needs nothing else'),
  );
  return command.action(async (files: string[], flags: ReportFlags) => {
    await (await import('./log/report')).report(context, command, files, flags);
  });
}

function exportCommand(context: Context): Command {
  const command = addFilterOptions(
    new Command('export')
      .summary('events as a Parquet file, for DuckDB, ClickHouse, Spark')
      .argument('[files...]', FILES)
      .option('--parquet <file>', 'what to write')
      .option('--bodies', 'request and response objects too, without the values of Secrets', false)
      .option('--reveal', 'with the values of Secrets', false),
  );
  return command.action(async (files: string[], flags: ExportFlags) => {
    await (await import('./log/export')).exportLog(context, command, files, flags);
  });
}

const FILES = 'logs, folders or patterns, - for standard input; without any, the log of this node';

function addShowOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--fields <fields>', 'columns: time, who, verb, what, … or paths like user.extra.scopes').argParser(
        (value: string, all: string[] | undefined) => [...(all ?? []), value],
      ),
    )
    .option('--bodies', 'request and response objects too, without the values of Secrets', false)
    .option('--reveal', 'with the values of Secrets', false);
}

function count(value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new InvalidArgumentError('write a whole number.');
  return Number(value);
}
