/** Which Go type a file is decoded into, by its apiVersion and kind; what is none of a policy is refused here. */
import { goQuote } from './go-text';
import type { LoadProblem } from './load';
import { policyInternal, policyV1 } from './policy-types';
import type { KubeVersion } from './types';
import { isAtLeast } from './types';
import type { Span, Value } from './value';

export type Kind = { type: typeof policyV1; unknownVersion?: string } | { refusal: string; problem: LoadProblem };

const GROUP = 'audit.k8s.io';
const SCHEME = 'in scheme "k8s.io/apiserver/pkg/audit/scheme.go:30"';
const NOT_A_POLICY = new Set(['Event', 'EventList', 'PolicyList', 'WatchEvent']);
const OPTIONS = /^(List|Get|Delete|Create|Update|Patch)Options$/;

/** Finds the Go type by apiVersion and kind; their names are read without regard to case here, unlike all others. */
export function interpretKind(root: Value, text: string, version: KubeVersion): Kind {
  const span = { start: root.start, end: root.start + 1 };
  const failed = (words: string, problem: Partial<LoadProblem> & { code: string }): Kind => ({
    refusal: `failed decoding: ${words}`,
    problem: { span, text: words, ...problem },
  });
  const jsonError = (what: string, where: string, at: Span): Kind =>
    failed(`couldn't get version/kind; json parse error: json: cannot unmarshal ${what} into Go ${where}`, {
      code: 'wrong-type',
      span: at,
    });
  if (root.kind !== 'object' && root.kind !== 'null') {
    const go =
      'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';
    return jsonError(root.kind, `value of type ${go}`, root);
  }

  const found = { apiVersion: '', kind: '' };
  const places: Partial<Record<keyof typeof found, Span>> = {};
  let mismatch: Kind | undefined;
  for (const member of root.kind === 'object' ? root.members : []) {
    const name = member.key.toLowerCase();
    const field = name === 'apiversion' ? 'apiVersion' : name === 'kind' ? 'kind' : undefined;
    if (field === undefined || member.value.kind === 'null') continue;
    if (member.value.kind === 'string') {
      found[field] = member.value.value;
      places[field] = member.value;
    } else mismatch ??= jsonError(member.value.kind, `struct field .${field} of type string`, member.value);
  }
  if (mismatch !== undefined) return mismatch;

  const at = places.apiVersion ?? span;
  const kindAt = places.kind ?? span;
  const slashes = found.apiVersion.split('/').length - 1;
  if (slashes > 1) {
    return failed(`unexpected GroupVersion string: ${found.apiVersion}`, { code: 'wrong-api-version', span: at });
  }
  const [group, groupVersion] = splitGroupVersion(found.apiVersion);
  const fullVersion = group === '' ? groupVersion : found.apiVersion;
  const kind = found.kind === '' ? 'Policy' : found.kind;
  const internal = groupVersion === '' && (group === '' || group === GROUP);
  if (internal || groupVersion === '__internal') {
    return internalKind(internal ? GROUP : group, kind, failed, group === GROUP || internal ? kindAt : at);
  }
  if (groupVersion === '') {
    return failed(`Object 'apiVersion' is missing in '${text}'`, { code: 'wrong-api-version', span: at });
  }
  const known = group === GROUP && (groupVersion === 'v1' || (!isAtLeast(version, 1, 24) && OLD.has(groupVersion)));
  const isKnownKind = kind === 'Policy' || NOT_A_POLICY.has(kind) || OPTIONS.test(kind);
  if (!known || !isKnownKind) {
    const words = `no kind ${goQuote(kind)} is registered for version ${goQuote(fullVersion)} ${SCHEME}`;
    return failed(words, { code: known ? 'wrong-kind' : 'wrong-api-version', span: known ? kindAt : at });
  }
  if (kind !== 'Policy') {
    const words = `converting (v1.${kind}) to (audit.Policy): unknown conversion`;
    return failed(words, { code: 'wrong-kind', span: kindAt });
  }
  return { type: policyV1 };
}

const OLD = new Set(['v1beta1', 'v1alpha1']);

function internalKind(
  group: string,
  kind: string,
  failed: (words: string, problem: Partial<LoadProblem> & { code: string }) => Kind,
  at: Span,
): Kind {
  if (kind !== 'Policy' || group !== GROUP) {
    const words = `no kind ${goQuote(kind)} is registered for the internal version of group ${goQuote(group)} ${SCHEME}`;
    return failed(words, { code: group === GROUP ? 'wrong-kind' : 'wrong-api-version', span: at });
  }
  return {
    type: policyInternal,
    unknownVersion: `unknown group version field ${GROUP}/__internal, Kind=Policy in policy`,
  };
}

function splitGroupVersion(text: string): [group: string, version: string] {
  const slash = text.indexOf('/');
  return slash === -1 ? ['', text] : [text.slice(0, slash), text.slice(slash + 1)];
}
