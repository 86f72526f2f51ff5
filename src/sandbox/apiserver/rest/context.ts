/** What a handler is given. Rule: the clock, chance and the other half of the server come in here, from nowhere else. */
import type { Front, RestRequest, RestResponse } from '../contract';
import type { Kind, Surroundings } from './kinds/kind';
import type { Making } from './objects';
import type { Registry } from './registry';

export interface Server {
  registry: Registry;
  front: Front;
  gitVersion: string;
  now: () => Date;
  uid: () => string;
  around: Surroundings;
  /** Fires when the server ends: watches then end. */
  ending: AbortSignal;
  /** PEM, for the kube-root-ca.crt of every namespace; empty when nobody said. */
  clusterCa: string;
  deleteDependents: (uid: string, orphan: boolean) => Promise<void>;
}

export interface Call {
  server: Server;
  request: RestRequest;
  kind: Kind;
  namespace: string;
  name: string;
  subresource: string;
}

export type Handler = (call: Call) => Promise<RestResponse>;

export function making({ server }: Call, manager: string, subresource = ''): Making {
  return {
    now: server.now(),
    uid: server.uid,
    around: server.around,
    writer: { manager, ...(subresource === '' ? {} : { subresource }) },
  };
}
