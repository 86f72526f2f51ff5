/** `policy init`: a preset as a file to begin with. Never replaces a file unasked. */
import type { Command } from 'commander';
import { globals, type Context } from '../context';
import { presetNamed } from './input';

export interface InitFlags {
  preset: string;
  force: boolean;
}

export async function init(
  context: Context,
  command: Command,
  file: string | undefined,
  flags: InitFlags,
): Promise<void> {
  const options = globals(command);
  const { name, text } = presetNamed(flags.preset.replace(/^preset:/, ''));
  const path = file === '-' ? undefined : file;
  if (path !== undefined)
    await context.writeOutput(path, new TextEncoder().encode(text), flags.force ? 'replace' : 'create');
  if (options.output === 'json') {
    context.streams.out(`${JSON.stringify({ preset: name, file: path ?? null, text }, null, 2)}\n`);
  } else if (path === undefined) context.streams.out(text);
  else if (!options.quiet) context.streams.talk(`${path}: the preset ${name}\n`);
  context.exit(0);
}
