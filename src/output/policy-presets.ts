/** The presets, by name. */
import type { Preset } from '../core/policy/presets';
import type { Style } from './style';
import { table } from './style';

export function presetsText(presets: readonly Preset[], style: Style): string {
  return `${table(presets.map(({ name, purpose }) => [style.bold(name), purpose]))}\n`;
}

export function presetsJson(presets: readonly Preset[]): string {
  return `${JSON.stringify({ presets }, null, 2)}\n`;
}
