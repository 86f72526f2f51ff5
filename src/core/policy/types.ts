/**
 * An audit policy and the requests it is asked about, as the server sees them after decoding and defaulting:
 * every list is there (possibly empty), names are those of audit.k8s.io/v1.
 */

export const LEVELS = ['None', 'Metadata', 'Request', 'RequestResponse'] as const;
export type Level = (typeof LEVELS)[number];

export const STAGES = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'] as const;
export type Stage = (typeof STAGES)[number];

/** Higher logs more: None 0 … RequestResponse 3. */
export function levelRank(level: Level): number {
  return LEVELS.indexOf(level);
}

export interface GroupResources {
  /** '' is the core group; '*' any group (Kubernetes 1.36 and newer). */
  group: string;
  resources: readonly string[];
  resourceNames: readonly string[];
}

export interface Rule {
  level: Level;
  users: readonly string[];
  userGroups: readonly string[];
  verbs: readonly string[];
  resources: readonly GroupResources[];
  namespaces: readonly string[];
  nonResourceURLs: readonly string[];
  omitStages: readonly Stage[];
  /** Absent: the policy's own value counts. */
  omitManagedFields?: boolean;
}

export interface Policy {
  omitStages: readonly Stage[];
  omitManagedFields: boolean;
  rules: readonly Rule[];
}

interface Who {
  /** null: not authenticated; no rule with users or userGroups matches. Anonymous requests have `system:anonymous`. */
  user: string | null;
  groups: readonly string[];
  /** Resource requests: get, list, watch, …; others: the HTTP method in lower case. */
  verb: string;
}

export interface ResourceRequest extends Who {
  apiGroup: string;
  apiVersion: string;
  resource: string;
  subresource: string;
  name: string;
  /** '' for cluster-scoped objects and for requests across all namespaces. */
  namespace: string;
}

export interface NonResourceRequest extends Who {
  /** URL path without the query. */
  path: string;
}

export type AuditRequest = ResourceRequest | NonResourceRequest;

export function isNonResource(request: AuditRequest): request is NonResourceRequest {
  return 'path' in request;
}

export interface Decision {
  level: Level;
  /** Number of the rule that decided, from 1; null when none matched (then nothing is logged). */
  rule: number | null;
  /** Sorted by name. */
  omitStages: Stage[];
  omitManagedFields: boolean;
}

/** Major and minor of the Kubernetes release whose API server reads the policy. */
export interface KubeVersion {
  major: number;
  minor: number;
}

export const DEFAULT_KUBE_VERSION: KubeVersion = { major: 1, minor: 36 };

export function isAtLeast(version: KubeVersion, major: number, minor: number): boolean {
  return version.major > major || (version.major === major && version.minor >= minor);
}
