import type { ManifestDocument } from './document';
import type { EditPlan } from './plan';
export function planDisable(
  doc: ManifestDocument,
  baseline: string | undefined,
  last: string | undefined,
  options: { all: boolean },
): EditPlan {
  if (!baseline) throw new Error(`${String(doc)}${baseline}${last}${options.all}`);
  return { text: baseline, changes: [], settings: { log: undefined } as never, findings: [] };
}
