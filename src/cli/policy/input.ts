/** A policy as it is named on the command line: a file, standard input, a preset, or what this node's API server is given. */
import type { Command } from 'commander';
import { kubeVersionOf, readLiveManifest } from '../../change/manifest';
import type { PolicyInput } from '../../change/policy';
import { requirePolicy } from '../../change/policy';
import { UserError } from '../../core/errors';
import { findPreset, PRESETS, type Preset } from '../../core/policy/presets';
import type { KubeVersion, Policy } from '../../core/policy/types';
import { openWorld, requireRoot } from '../change-options';
import { globals, type Context } from '../context';

const POLICY_LIMIT = 4 << 20;
const PRESET = 'preset:';

export interface VersionFlag {
  kubeVersion?: KubeVersion;
}

export interface NamedPolicy extends PolicyInput {
  /** What may be rewritten in place: a file of the user's, never the node's. */
  source: 'file' | 'stdin' | 'preset' | 'node';
  /** The node's own, where it is the node's policy. */
  kubeVersion?: KubeVersion;
}

export async function readPolicy(context: Context, command: Command, name: string | undefined): Promise<NamedPolicy> {
  if (name === undefined) return nodePolicy(context, command);
  if (name.startsWith(PRESET)) {
    return { file: name, text: presetNamed(name.slice(PRESET.length)).text, source: 'preset' };
  }
  const { bytes, from } = await context.readInput(name, POLICY_LIMIT);
  return { file: from, text: bytes, source: name === '-' ? 'stdin' : 'file' };
}

/** The policy as the server would have it. */
export async function loadedPolicy(
  context: Context,
  command: Command,
  name: string | undefined,
  flags: VersionFlag,
): Promise<Policy> {
  const input = await readPolicy(context, command, name);
  return requirePolicy(input, flags.kubeVersion ?? input.kubeVersion);
}

export function presetNamed(name: string): Preset {
  const preset = findPreset(name);
  if (preset) return preset;
  throw new UserError('unknown-preset', `there is no policy preset ${name}`, {
    hints: [`one of: ${PRESETS.map((each) => each.name).join(', ')}`],
  });
}

async function nodePolicy(context: Context, command: Command): Promise<NamedPolicy> {
  const options = globals(command);
  const world = openWorld(context, options);
  requireRoot(world, options);
  const live = await readLiveManifest(world.files, options.manifest);
  const path = live.audit.policy?.hostPath;
  if (path === undefined) {
    throw new UserError('no-policy', `${live.path} names no policy that lies on this node`, {
      hints: [
        `kube-auditctl policy ${command.name()} FILE`,
        `kube-auditctl policy ${command.name()} preset:recommended`,
      ],
    });
  }
  const { bytes } = await world.files.read(path, POLICY_LIMIT);
  const kubeVersion = kubeVersionOf(live.server);
  return { file: path, text: bytes, source: 'node', ...(kubeVersion ? { kubeVersion } : {}) };
}
