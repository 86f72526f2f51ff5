/**
 * The policy that the new server will read. `enable` has looked at its own; for a manifest that comes as a whole, what its
 * flag names is looked at here. A policy that today's server goes by already need only load.
 */
import { checkPolicy } from '../check-policy';
import { decodeText, kubeVersionOf } from '../manifest';
import type { Files } from '../ports';
import { goesBack, type Check, type Subject } from './preflight';

const POLICY_LIMIT = 4 << 20;

export const policyLoads: Check = async ({ files }, subject) => {
  const path = subject.next.audit.policy?.hostPath;
  if (path === undefined || subject.command === 'enable') return [];
  const text = await policyText(files, subject, path);
  // That there is none is said by the checks of the files.
  if (text === undefined) return [];
  const known = goesBack(subject) || subject.live.audit.policy?.hostPath === path;
  return checkPolicy(text, path, kubeVersionOf(subject.next.server), { known });
};

async function policyText(files: Files, { changed }: Subject, path: string): Promise<string | undefined> {
  const planned = changed.find((file) => file.path === path);
  try {
    const bytes = planned ? planned.after?.bytes : (await files.read(path, POLICY_LIMIT)).bytes;
    return bytes && decodeText(bytes, path);
  } catch {
    return undefined;
  }
}
