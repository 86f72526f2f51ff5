/** The policies that come with the tool, by name. Each explains itself in its comments and passes our own lint. */
import { recommended } from './presets/recommended';

export interface Preset {
  name: string;
  /** One line for a list. */
  purpose: string;
  /** The policy file as it is written to disk. */
  text: string;
}

export const PRESETS: readonly Preset[] = [
  {
    name: 'recommended',
    purpose: 'who did what to everything; bodies for exec and RBAC; Secrets never in clear; routine noise dropped',
    text: recommended,
  },
];

export function findPreset(name: string): Preset | undefined {
  return PRESETS.find((preset) => preset.name === name);
}
