/** `policy presets`. */
import type { Command } from 'commander';
import { PRESETS } from '../../core/policy/presets';
import { presetsJson, presetsText } from '../../output/policy-presets';
import { globals, styles, type Context } from '../context';

export function presets(context: Context, command: Command): void {
  const options = globals(command);
  const { out } = styles(context, options);
  context.streams.out(options.output === 'json' ? presetsJson(PRESETS) : presetsText(PRESETS, out));
  context.exit(0);
}
