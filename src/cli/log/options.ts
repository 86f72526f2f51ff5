/** Options that the log's commands share. */
import { Option, type Command } from 'commander';

const LISTS = [
  ['-u, --user <name>', 'who asked (system:serviceaccount:NS:NAME for service accounts)'],
  ['--as <name>', 'whom they acted as (impersonation)'],
  ['-g, --group <name>', 'a group of theirs'],
  ['--verb <verb>', 'get, list, watch, create, update, patch, delete, deletecollection'],
  ['-r, --resource <name>', 'secrets, pods/exec, deployments.apps, *.rbac.authorization.k8s.io'],
  ['-n, --namespace <name>', "of the resource; '' for none"],
  ['--name <name>', 'of the resource'],
  ['--ip <address>', 'where from: an address, a network (10.0.0.0/8), a pattern'],
  ['--code <code>', '403, 4xx, ">=400", 200-299'],
  ['--decision <word>', 'allow or forbid'],
  ['--level <level>', 'Metadata, Request, RequestResponse'],
  ['--stage <stage>', 'these events, or all (default: one event a request, the last one logged)'],
  ['--agent <text>', 'contained in the user agent'],
  ['--uri <pattern>', 'path and query, e.g. "/apis/apps/*"'],
  ['--annotation <key=value>', 'an annotation of the event, with or without a value'],
  ['--audit-id <id>', 'the Audit-ID'],
] as const;

/** Repeated, or with commas. */
const append = (value: string, all: string[] | undefined): string[] => [...(all ?? []), value];

export function addFilterOptions(command: Command): Command {
  for (const [flags, description] of LISTS) command.addOption(new Option(flags, description).argParser(append));
  return addLogOptions(command)
    .addOption(
      new Option('--where <expression>', 'anything else, e.g. \'user.extra.scopes contains "admin"\'').argParser(
        append,
      ),
    )
    .addOption(new Option('--preset <name>', 'secrets, exec, rbac, failed, anonymous or escalation').argParser(append))
    .option('--since <time>', '2h, 7d, yesterday, 14:05, 2026-01-31, RFC 3339')
    .option('--until <time>', 'the same')
    .addHelpText(
      'after',
      '\nSeveral values of an option (a,b or repeated) are alternatives, !value is none of them, * any run of characters.',
    );
}

export function addLogOptions(command: Command): Command {
  // One at a time: as a list it would take the words of `who` and `show`.
  return command
    .addOption(
      new Option(
        '--log <file>',
        'a log, folder or pattern, gzipped ones too, - for standard input; repeatable (default: of this node)',
      ).argParser(append),
    )
    .option('--utc', 'times in UTC instead of the local clock', false);
}
