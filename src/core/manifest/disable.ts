/**
 * The plan that takes out what `enable` put in, and only that. With the record of what was there before, the user's own
 * edits since then stay; where these are elsewhere, what is left is the manifest of before with these edits, byte for
 * byte.
 */
import { mergeText } from './diff';
import { planRemoval, planRestoration } from './disable-parts';
import { parseManifest } from './document';
import type { ManifestDocument } from './document';
import { Draft, planOf } from './plan';
import type { EditPlan } from './plan';
import { clone, deepEqual, isMap, valueAt } from './value';
import type { PlainMap } from './value';

/**
 * @param baselineText the manifest before the first `enable`, when there is a record of it.
 * @param lastText what the last `enable` wrote, likewise.
 * @param all without a record: take out all audit flags even where our annotation is missing. Without a record, without
 *   the annotation and without this, the plan is empty.
 */
export function planDisable(
  doc: ManifestDocument,
  baselineText: string | undefined,
  lastText: string | undefined,
  { all = false }: { all?: boolean } = {},
): EditPlan {
  if (baselineText === undefined) {
    const draft = new Draft(doc);
    if (all || draft.before.annotation !== undefined) planRemoval(draft);
    return draft.finish();
  }
  const baseline = parseManifest(baselineText, doc.file);
  if (doc.text === lastText) return planOf(doc, baseline, []);
  const last = lastText === undefined ? doc : parseManifest(lastText, doc.file);
  const draft = new Draft(doc);
  planRestoration(draft, baseline, last);
  const plan = draft.finish();
  const merged = lastText === undefined ? undefined : mergedDocument(doc, baselineText, lastText);
  // Only a merge of the lines brings back their old quoting and spacing; only the model knows what it must mean.
  if (merged === undefined || !deepEqual(essence(merged), essence(parseManifest(plan.text, doc.file)))) return plan;
  return planOf(doc, merged, plan.findings);
}

function mergedDocument(doc: ManifestDocument, baselineText: string, lastText: string): ManifestDocument | undefined {
  const merged = mergeText({ base: lastText, current: doc.text, target: baselineText });
  if (!merged.ok) return undefined;
  try {
    return parseManifest(merged.text, doc.file);
  } catch {
    return undefined;
  }
}

/** A manifest's value in which an empty list or mapping that enable may have filled counts as none. */
function essence(doc: ManifestDocument): PlainMap {
  const value = clone(doc.value);
  const drop = (parent: unknown, key: string): void => {
    if (!isMap(parent)) return;
    const found = parent[key];
    const size = Array.isArray(found) ? found.length : isMap(found) ? Object.keys(found).length : 0;
    if (size === 0 && (found == null || typeof found === 'object')) Reflect.deleteProperty(parent, key);
  };
  drop(value.metadata, 'annotations');
  drop(value.spec, 'volumes');
  for (const container of doc.list(['spec', 'containers']).keys())
    for (const key of ['volumeMounts', 'args']) drop(valueAt(value, ['spec', 'containers', container]), key);
  return value;
}
