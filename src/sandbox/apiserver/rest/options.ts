/** What requests say besides the object: create, update, patch, delete and list options, checked as the server does. */
import { fieldTerms } from './selectors';
import { FieldErrors, badRequest, invalidObject } from './status';
import { arr, isObj, num, str, type Obj } from './value';

export interface WriteOptions {
  dryRun: boolean;
  fieldManager: string;
  force: boolean;
  /** What becomes of unknown fields. */
  validation: 'Ignore' | 'Warn' | 'Strict';
}

const VALIDATIONS = ['Ignore', 'Warn', 'Strict'];

/** @param kind `CreateOptions`, `UpdateOptions` or `PatchOptions`. @throws {StatusError} 422. */
export function writeOptions(
  kind: 'CreateOptions' | 'UpdateOptions' | 'PatchOptions',
  query: URLSearchParams,
  userAgent: string,
  isApply: boolean,
): WriteOptions {
  const errors = new FieldErrors();
  const manager = query.get('fieldManager') ?? '';
  const force = query.get('force');
  if (isApply && manager === '') errors.required('fieldManager', 'is required for apply patch');
  if (!isApply && force !== null) errors.forbidden('force', 'may not be specified for non-apply patch');
  if (manager.length > 128) errors.tooLong('fieldManager', 128);
  const dryRun = query.getAll('dryRun').filter((value) => value !== '');
  checkDryRun(dryRun, errors);
  const validation = query.get('fieldValidation') ?? '';
  if (validation !== '' && !VALIDATIONS.includes(validation)) {
    errors.unsupported('fieldValidation', validation, ['', ...VALIDATIONS]);
  }
  if (errors.causes.length > 0) throw invalidObject('meta.k8s.io', kind, '', errors.causes);
  return {
    dryRun: dryRun.length > 0,
    fieldManager: manager || managerOf(userAgent),
    force: isTrue(force),
    validation: (validation || 'Warn') as WriteOptions['validation'],
  };
}

export interface DeleteOptions {
  dryRun: boolean;
  gracePeriodSeconds?: number;
  propagation: 'Background' | 'Foreground' | 'Orphan';
  uid?: string;
  resourceVersion?: string;
}

/** The body counts where there is one, else the query. */
export function deleteOptions(query: URLSearchParams, body: Obj | undefined): DeleteOptions {
  const errors = new FieldErrors();
  const dryRun = body ? arr(body.dryRun).map(str) : query.getAll('dryRun').filter((value) => value !== '');
  checkDryRun(dryRun, errors);
  const policy = body ? str(body.propagationPolicy) : (query.get('propagationPolicy') ?? '');
  const orphan = body ? body.orphanDependents : query.get('orphanDependents');
  const policies = ['Foreground', 'Background', 'Orphan'];
  if (policy !== '' && !policies.includes(policy)) {
    errors.unsupported('propagationPolicy', policy, [...policies, 'nil']);
  }
  if (policy !== '' && orphan !== null && orphan !== undefined) {
    errors.wrong('propagationPolicy', policy, 'orphanDependents and deletionPropagation cannot be both set');
  }
  const grace = body ? body.gracePeriodSeconds : queryNumber(query, 'gracePeriodSeconds');
  if (typeof grace === 'number' && grace < 0) {
    errors.wrong('gracePeriodSeconds', grace, 'must be greater than or equal to 0');
  }
  if (errors.causes.length > 0) throw invalidObject('meta.k8s.io', 'DeleteOptions', '', errors.causes);
  const conditions = isObj(body?.preconditions) ? body.preconditions : {};
  const orphaned = orphan === true || orphan === 'true';
  return {
    dryRun: dryRun.length > 0,
    propagation: (policy || (orphaned ? 'Orphan' : 'Background')) as DeleteOptions['propagation'],
    ...(typeof grace === 'number' ? { gracePeriodSeconds: grace } : {}),
    ...(typeof conditions.uid === 'string' ? { uid: conditions.uid } : {}),
    ...(typeof conditions.resourceVersion === 'string' ? { resourceVersion: conditions.resourceVersion } : {}),
  };
}

export interface ListOptions {
  labelSelector: string;
  fieldSelector: string;
  limit: number;
  continueToken: string;
  /** Absent: the newest. 0: whatever is at hand. */
  resourceVersion?: number;
  match: '' | 'Exact' | 'NotOlderThan';
  /** Watches only. */
  timeoutSeconds: number;
  bookmarks: boolean;
  sendInitialEvents?: boolean;
}

/** @throws {StatusError} 400 for numbers that are none, 422 for what contradicts itself. */
export function listOptions(query: URLSearchParams, watch: boolean): ListOptions {
  const errors = new FieldErrors();
  const text = query.get('resourceVersion') ?? '';
  const match = query.get('resourceVersionMatch') ?? '';
  const initial = query.get('sendInitialEvents');
  const continueToken = query.get('continue') ?? '';
  if (text !== '' && !/^\d+$/.test(text)) {
    const reason = `Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`;
    throw badRequest(`resourceVersion: ${reason}`);
  }
  if (match !== '') {
    if (watch && initial === null) {
      errors.forbidden(
        'resourceVersionMatch',
        'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
      );
    }
    if (!watch && text === '') {
      errors.forbidden('resourceVersionMatch', 'resourceVersionMatch is forbidden unless resourceVersion is provided');
    }
    if (!watch && continueToken !== '') {
      errors.forbidden('resourceVersionMatch', 'resourceVersionMatch is forbidden when continue is provided');
    }
    if (match !== 'Exact' && match !== 'NotOlderThan') {
      errors.unsupported('resourceVersionMatch', match, ['Exact', 'NotOlderThan', '']);
    }
    if (match === 'Exact' && text === '0') {
      errors.forbidden('resourceVersionMatch', 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
    }
  }
  if (initial !== null && watch && match !== 'NotOlderThan') {
    errors.forbidden('resourceVersionMatch', 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan');
  }
  if (initial !== null && !watch) errors.forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list');
  if (errors.causes.length > 0) throw invalidObject('meta.k8s.io', 'ListOptions', '', errors.causes);
  const fieldSelector = query.get('fieldSelector') ?? '';
  fieldTerms(fieldSelector);
  return {
    labelSelector: query.get('labelSelector') ?? '',
    fieldSelector,
    limit: queryNumber(query, 'limit') ?? 0,
    continueToken,
    ...(text === '' ? {} : { resourceVersion: Number(text) }),
    match: match as ListOptions['match'],
    timeoutSeconds: queryNumber(query, 'timeoutSeconds') ?? 0,
    bookmarks: isTrue(query.get('allowWatchBookmarks')),
    ...(initial === null ? {} : { sendInitialEvents: isTrue(initial) }),
  };
}

function checkDryRun(values: readonly string[], errors: FieldErrors): void {
  if (values.some((value) => value !== 'All')) errors.unsupported('dryRun', values, ['All']);
}

function queryNumber(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^[+-]?\d+$/.test(text)) {
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  return num(Number(text));
}

export function isTrue(text: string | null): boolean {
  return text !== null && text.toLowerCase() !== 'false' && text !== '0';
}

/** Without a name of its own, the writer is the program: `kubectl/v1.36.0 (linux/amd64)` -> `kubectl`. */
function managerOf(userAgent: string): string {
  return (userAgent.split('/')[0] ?? '').replace(/[^\x20-\x7e]/g, '').slice(0, 128) || 'unknown';
}
