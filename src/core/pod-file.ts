/** The pod that the kubelet would make of a file: read as leniently as it reads, for what it would run is the question. */
import { parseAllDocuments } from 'yaml';

/**
 * Only the first document counts, and duplicate keys and unknown fields are taken without a word: a strict reading would
 * overlook the very backups that win. Undefined for what is no pod. Source: pkg/kubelet/config/common.go.
 */
export function podOfFile(text: string): { name: string; namespace: string } | undefined {
  let value: unknown;
  try {
    value = parseAllDocuments(text, { uniqueKeys: false, strict: false })[0]?.toJS();
  } catch {
    return undefined;
  }
  const { kind, metadata } = (value ?? {}) as { kind?: unknown; metadata?: { name?: unknown; namespace?: unknown } };
  if (kind !== 'Pod' || typeof metadata?.name !== 'string') return undefined;
  const { name, namespace } = metadata;
  return { name, namespace: typeof namespace === 'string' && namespace !== '' ? namespace : 'default' };
}

/** `kind` of the first document; undefined when it has none. */
export function documentKindOf(text: string): string | undefined {
  try {
    const value: unknown = parseAllDocuments(text, { uniqueKeys: false, strict: false })[0]?.toJS();
    const kind = (value as { kind?: unknown } | null | undefined)?.kind;
    return typeof kind === 'string' ? kind : undefined;
  } catch {
    return undefined;
  }
}
