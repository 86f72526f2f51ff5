/** Whether the kubelet's probes could succeed: by the manifest, and by the file that says who may ask without credentials. */
import type { Finding } from '../../core/finding';
import { probeFindings } from '../../core/preflight/probes';
import { fileOfFlag } from '../../core/rehearsal/plan-trial';
import type { Described } from '../manifest';
import type { Files } from '../ports';
import type { Check } from './preflight';
import { judgedOf, shared } from './shared';

const LIMIT = 1 << 20;

export const probes: Check = async ({ files, node }, { live, next }) => {
  const judge = async (described: Described): Promise<Finding[]> =>
    probeFindings(judgedOf(described, live.folder), {
      authentication: await authenticationOf(files, described),
      addresses: node.addresses(),
    });
  const found = await judge(next);
  if (live.broken || !found.some(({ severity }) => severity === 'error')) return found;
  const today = await judge(live);
  return shared(found, () => today);
};

async function authenticationOf(files: Files, { server }: Described): Promise<string | undefined> {
  const path = fileOfFlag(server, 'authentication-config');
  if (path === undefined) return undefined;
  return files.read(path, LIMIT).then(
    ({ bytes }) => new TextDecoder().decode(bytes),
    () => undefined,
  );
}
