/** The audit webhook as preflight looks at it, for the manifest that stands there. */
import type { Finding } from '../core/finding';
import { describe } from './manifest';
import type { Ports } from './ports';
import { webhook } from './preflight/webhook';

/** Undefined when the manifest names no webhook. */
export async function webhookSight(
  ports: Ports,
  text: string,
  { manifestPath, stateDir }: { manifestPath: string; stateDir: string },
): Promise<Finding[] | undefined> {
  const next = describe(text, manifestPath);
  if (!next.audit.webhook) return undefined;
  const live = {
    ...next,
    path: manifestPath,
    folder: manifestPath.replace(/\/[^/]*$/, '') || '/',
    image: { bytes: new TextEncoder().encode(text), mode: 0o600, uid: 0, gid: 0 },
    sha256: '',
  };
  return webhook(ports, {
    ...{ command: 'doctor', live, next, changed: [], folders: [], stateDir, dryRun: true, fast: false },
  });
}
