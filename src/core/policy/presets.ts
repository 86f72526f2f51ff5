/** The policies that come with the tool, by name. Each explains itself in its comments and passes our own lint. */
import { cis } from './presets/cis';
import { cks } from './presets/cks';
import { forensic } from './presets/forensic';
import { minimal } from './presets/minimal';
import { quiet } from './presets/quiet';
import { recommended } from './presets/recommended';
import { security } from './presets/security';

export interface Preset {
  name: string;
  /** One line for a list. */
  purpose: string;
  /** The policy file as it is written to disk. */
  text: string;
}

export const PRESETS: readonly Preset[] = [
  {
    name: 'minimal',
    purpose: 'everything by metadata, health probes left out: a starting point',
    text: minimal,
  },
  {
    name: 'recommended',
    purpose: 'who did what to everything; bodies for exec and RBAC; Secrets never in clear; routine noise dropped',
    text: recommended,
  },
  {
    name: 'security',
    purpose: 'bodies of everything that changes rights, workloads or the cluster; no component is trusted blindly',
    text: security,
  },
  {
    name: 'cis',
    purpose: 'the key concerns of CIS Benchmark recommendation 3.2.2',
    text: cis,
  },
  {
    name: 'cks',
    purpose: 'the shape of the usual exam tasks, each rule with the sentence it answers',
    text: cks,
  },
  {
    name: 'quiet',
    purpose: 'changes, exec and reads of Secrets only: for small disks',
    text: quiet,
  },
  {
    name: 'forensic',
    purpose: 'bodies of every change, nothing dropped but health probes: for incidents',
    text: forensic,
  },
];

export function findPreset(name: string): Preset | undefined {
  return PRESETS.find((preset) => preset.name === name);
}
