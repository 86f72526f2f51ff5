/** When two manifests say the same: the kubelet hashes what it decoded, so it restarts nothing for a comment. */
import type { ManifestDocument } from './document';
import { deepEqual } from './value';

/**
 * Whether two manifests have equal values, whatever their comments, layout, quoting and order of keys. Conservative: an
 * empty mapping and none at all count as different.
 */
export function sameMeaning(a: ManifestDocument, b: ManifestDocument): boolean {
  return deepEqual(a.value, b.value);
}
