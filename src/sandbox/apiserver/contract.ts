/**
 * Where the server's two halves meet: the front (TLS, who asks, may they, audit) hands a request to the back (objects,
 * discovery, watches), which answers with a value that the front prints, logs and sends.
 */
import type { RequestInfo } from '../../core/policy/request';

export interface User {
  name: string;
  uid?: string;
  groups: readonly string[];
  extra?: Readonly<Record<string, readonly string[]>>;
}

export interface RestRequest {
  /** Upper case, e.g. `GET`. */
  method: string;
  info: RequestInfo;
  query: URLSearchParams;
  /** The Accept and Content-Type headers as sent; empty when absent. */
  accept: string;
  contentType: string;
  body: Uint8Array;
  /** Who it is done as: after impersonation. */
  user: User;
  userAgent: string;
  /** Fires when the client is gone or the server ends: a watch then ends. */
  signal: AbortSignal;
}

export interface RestResponse {
  status: number;
  headers?: Readonly<Record<string, string>>;
  /** What is sent: a JSON value, or text or bytes as they are. */
  body:
    | { json: unknown }
    | { text: string; type: string }
    | { bytes: Uint8Array; type: string }
    | { events: AsyncIterable<unknown> };
  /** For the audit event at Request and above: the object that was sent, decoded; absent when there was none. */
  requestObject?: unknown;
  /** For the audit event at RequestResponse: the object or Status that is answered, whatever form (a Table) is sent. */
  responseObject?: unknown;
  /** What the server found out about the object while it worked: uid, resourceVersion, a generated name. */
  objectRef?: { name?: string; namespace?: string; uid?: string; resourceVersion?: string };
  /** Of the Status that is answered when it is an error. */
  reason?: string;
  message?: string;
}

export interface RestApi {
  /** Never rejects but for a bug: what cannot be done is answered with a Status object. */
  handle(request: RestRequest): Promise<RestResponse>;
  /** Whether etcd answers; for /livez and /readyz. */
  healthy(): Promise<boolean>;
  /** Reads objects for the front's own needs (RBAC rules, service account tokens), from the cache; no audit. */
  objects(apiGroup: string, resource: string): readonly Readonly<Record<string, unknown>>[];
  /** Ends watches and the connection to etcd. */
  close(): Promise<void>;
}

export interface RestOptions {
  /** `v1.36.0`, for /version. */
  gitVersion: string;
  etcd: EtcdClientOptions;
  /** Namespaces, RBAC bootstrap roles, service accounts and the like that a new cluster has are written when missing. */
  bootstrap: boolean;
  front: Front;
  /** PEM, for the ConfigMap kube-root-ca.crt of every namespace. */
  clusterCa?: string;
}

/** What only the front knows, and the back answers with: access reviews, token reviews and token requests. */
export interface Front {
  /** What the authorizers say of a request like this one. */
  authorize(user: User, info: RequestInfo): Decision;
  /** Signs a service account's token (serviceaccounts/token). */
  issueToken(request: TokenWish): IssuedToken;
  /** Who a bearer token stands for; undefined when nobody knows it. */
  reviewToken(token: string, audiences: readonly string[]): TokenOwner | undefined;
}

export interface Decision {
  allowed: boolean;
  /** As it stands in the audit event, e.g. `RBAC: allowed by …`; may be empty. */
  reason: string;
}

export interface TokenWish {
  serviceAccount: { namespace: string; name: string; uid: string };
  /** Empty: the API server's own. */
  audiences: readonly string[];
  expirationSeconds: number;
  boundObject?: { kind: string; name: string; uid: string };
}

export interface IssuedToken {
  token: string;
  /** RFC 3339, UTC, whole seconds. */
  expirationTimestamp: string;
  audiences: readonly string[];
}

export interface TokenOwner {
  user: User;
  audiences: readonly string[];
}

export interface EtcdClientOptions {
  host: string;
  port: number;
  /** PEM; https when given. */
  ca?: string;
  cert?: string;
  key?: string;
  /** Gives up the first contact after this many milliseconds, with `context deadline exceeded`. */
  dialMs: number;
}

/** src/sandbox/apiserver/rest.ts: rejects with an Error `context deadline exceeded` when etcd cannot be reached in time. */
export type OpenRest = (options: RestOptions) => Promise<RestApi>;
