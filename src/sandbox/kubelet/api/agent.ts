/**
 * The kubelet's side of the API: registers the node, keeps its lease, and shows the pods there. Rule: pods never wait for
 * it; while the API is away it says so now and then, and tries again until it is back.
 */
import type { Timings } from '../../container';
import type { KubeletLog } from '../lines';
import type { Clock, Timer } from '../world';
import type { ApiClient } from './client';
import { ApiProblem } from './client';
import type { EventRecorder } from './events';
import type { Mirrors } from './mirrors';
import type { NodeFacts } from './objects';
import { leaseObject, nodeObject, nodeStatus } from './objects';

export interface AgentOptions {
  clock: Clock;
  timings: Timings;
  log: KubeletLog;
  node: NodeFacts;
  /** A client of the kubelet's own credentials; undefined while there are none. */
  connect: () => ApiClient | undefined;
  mirrors: Mirrors;
  events: EventRecorder;
  /** The API has listed our node: called at every contact. */
  seen: () => void;
}

const NODES = '/api/v1/nodes';
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
/** Milliseconds of real time, divided by the node's speed, and what they are at least. */
const BEAT = { ms: 10_000, least: 2000 };
const RETRY = { ms: 1000, least: 200 };
const COMPLAIN = { ms: 7000, least: 1000 };
/** How many beats go by before the pods are listed anew and the node's status is told again. */
const REFRESH_BEATS = 6;

export class ApiAgent {
  readonly #options: AgentOptions;
  #client: ApiClient | undefined;
  #beatTimer: Timer | undefined;
  #mirrorTimer: Timer | undefined;
  /** One conversation at a time. */
  #talk: Promise<void> = Promise.resolve();
  #nodeUid: string | undefined;
  #lease: Readonly<Record<string, unknown>> | undefined;
  #up = false;
  #beats = 0;
  #complainedAt = -Infinity;
  #stopped = false;

  constructor(options: AgentOptions) {
    this.#options = options;
  }

  start(): void {
    this.#nextBeat(0);
  }

  /** Ends all talk; resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#beatTimer?.cancel();
    this.#mirrorTimer?.cancel();
    this.#client?.close();
    await this.#talk;
  }

  /** Something about the pods is new. */
  changed(): void {
    const { mirrors, timings } = this.#options;
    // Kubelets before 1.22 tell it at once, while the old server still answers. Newer ones try once for each new pod, and
    // then not before the API has been back for a while: its first answers are no sign of that.
    if (timings.besideOld) this.#mirrorsSoon(1);
    else if (this.#up || mirrors.hasUntried()) this.#mirrorsSoon(100);
  }

  #nextBeat(ms: number): void {
    if (this.#stopped) return;
    this.#beatTimer?.cancel();
    this.#beatTimer = this.#options.clock.after(ms, () => {
      this.#say(async (client) => {
        try {
          await this.#beat(client);
          this.#answered();
        } finally {
          this.#nextBeat(this.#up ? this.#scaled(BEAT) : this.#scaled(RETRY));
        }
      });
    });
  }

  #mirrorsSoon(ms: number): void {
    if (this.#stopped || this.#mirrorTimer !== undefined) return;
    this.#mirrorTimer = this.#options.clock.after(ms, () => {
      this.#mirrorTimer = undefined;
      this.#say(async (client) => {
        if (this.#nodeUid === undefined) return;
        await this.#options.mirrors.reconcile(client, this.#nodeUid);
        await this.#options.events.flush(client);
      });
    });
  }

  #say(words: (client: ApiClient) => Promise<void>): void {
    this.#talk = this.#talk.then(async () => {
      if (this.#stopped) return;
      this.#client ??= this.#options.connect();
      if (this.#client === undefined) {
        this.#nextBeat(this.#scaled(RETRY));
        return;
      }
      try {
        await words(this.#client);
      } catch (problem) {
        if (!(problem instanceof ApiProblem)) throw problem;
        // An answer is one, even if it is a refusal.
        if (problem.status === undefined && this.#up) {
          this.#up = false;
          // The next beat is far off, and the API may be back long before.
          this.#nextBeat(this.#scaled(RETRY));
        }
      }
    });
  }

  #answered(): void {
    if (this.#up) return;
    this.#up = true;
    // A while after the API is back: pods are looked at one after the other.
    this.#mirrorTimer?.cancel();
    this.#mirrorTimer = undefined;
    this.#mirrorsSoon(this.#options.timings.mirrorPod);
  }

  async #beat(client: ApiClient): Promise<void> {
    const { node, log, seen, mirrors, events } = this.#options;
    const path = `${NODES}?fieldSelector=metadata.name%3D${node.name}&limit=500&resourceVersion=0`;
    if (this.#nodeUid === undefined) {
      await this.#complaining(
        () => client.ask('GET', path),
        (problem) => {
          log.nodeRegisterFailed(node.name, problem);
        },
      );
      seen();
      await this.#register(client);
      await mirrors.refresh(client);
    }
    const renewal = this.#beats++ % REFRESH_BEATS === 0;
    await this.#complaining(
      () => this.#renewLease(client),
      (problem) => {
        log.leaseFailed(problem);
      },
    );
    await this.#complaining(
      () => this.#tellStatus(client, renewal),
      (problem) => {
        log.nodeStatusFailed(node.name, problem);
      },
    );
    if (renewal) {
      await mirrors.refresh(client);
      this.changed();
    }
    await events.flush(client);
  }

  async #register(client: ApiClient): Promise<void> {
    const { node, log, clock } = this.#options;
    try {
      const { body } = await client.ask('POST', NODES, nodeObject(node, clock.now()));
      this.#nodeUid = uidOf(body);
    } catch (problem) {
      if (!(problem instanceof ApiProblem) || problem.status !== 409) {
        if (problem instanceof ApiProblem) log.nodeRegisterFailed(node.name, problem.message);
        throw problem;
      }
      this.#nodeUid = uidOf((await client.ask('GET', `${NODES}/${node.name}`)).body);
    }
    log.nodeRegistered(node.name);
  }

  async #renewLease(client: ApiClient): Promise<void> {
    const { node, clock } = this.#options;
    const wanted = leaseObject(node.name, this.#nodeUid ?? '', clock.now());
    if (this.#lease === undefined) {
      const found = await orUndefined(client.ask('GET', `${LEASES}/${node.name}`), 404);
      if (found === undefined) {
        this.#lease = (await client.ask('POST', LEASES, wanted)).body;
        return;
      }
      this.#lease = found.body;
    }
    const change = { ...this.#lease, spec: wanted['spec'] };
    const renewed = await orUndefined(client.ask('PUT', `${LEASES}/${node.name}`, change), 409, 404);
    // Somebody else wrote it, or removed it: read it anew next time.
    this.#lease = renewed?.body;
  }

  async #tellStatus(client: ApiClient, renewal: boolean): Promise<void> {
    const { node, clock } = this.#options;
    const found = await orUndefined(client.ask('GET', `${NODES}/${node.name}?resourceVersion=0&timeout=10s`), 404);
    if (found === undefined) {
      this.#nodeUid = undefined;
      return;
    }
    if (!renewal) return;
    const change = { status: nodeStatus(node, clock.now()) };
    await client.ask(
      'PATCH',
      `${NODES}/${node.name}/status?timeout=10s`,
      change,
      'application/strategic-merge-patch+json',
    );
  }

  /** Says what went wrong, but not at every try. */
  async #complaining<T>(words: () => Promise<T>, complain: (problem: string) => void): Promise<T> {
    try {
      return await words();
    } catch (problem) {
      const now = this.#options.clock.now();
      if (problem instanceof ApiProblem && !this.#stopped && now - this.#complainedAt >= this.#scaled(COMPLAIN)) {
        this.#complainedAt = now;
        complain(problem.message);
      }
      throw problem;
    }
  }

  #scaled({ ms, least }: { ms: number; least: number }): number {
    return Math.max(least, ms / this.#options.timings.speed);
  }
}

async function orUndefined<T>(answer: Promise<T>, ...statuses: number[]): Promise<T | undefined> {
  try {
    return await answer;
  } catch (problem) {
    if (problem instanceof ApiProblem && problem.status !== undefined && statuses.includes(problem.status))
      return undefined;
    throw problem;
  }
}

function uidOf(body: Readonly<Record<string, unknown>>): string {
  const { uid } = (body['metadata'] ?? {}) as { uid?: unknown };
  return typeof uid === 'string' ? uid : '';
}
