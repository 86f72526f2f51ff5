/**
 * Events about pods. Rule: they wait while the API is away, in bounded number, and the same event again is the same object
 * with a higher count. Source: client-go/tools/record, pkg/kubelet/events.
 */
import type { StaticPod } from '../pod/read';
import type { PodEvent } from '../world';
import type { ApiClient } from './client';
import { ApiProblem } from './client';

interface Known {
  pod: StaticPod;
  event: PodEvent;
  /** Known to the API under this name. */
  name: string;
  count: number;
  firstAt: number;
  lastAt: number;
  /** What the API was told last; 0 when it does not know the event yet. */
  told: number;
}

const MOST = 256;

export class EventRecorder {
  readonly #known = new Map<string, Known>();
  readonly #nodeName: string;
  readonly #now: () => number;

  constructor(nodeName: string, now: () => number) {
    this.#nodeName = nodeName;
    this.#now = now;
  }

  record(pod: StaticPod, event: PodEvent): void {
    const at = this.#now();
    const key = [pod.uid, event.container ?? '', event.type, event.reason, event.message].join('\0');
    const known = this.#known.get(key);
    if (known) {
      known.count++;
      known.lastAt = at;
      return;
    }
    const name = `${pod.name}.${Math.floor(at * 1e6).toString(16)}${this.#known.size.toString(16)}`;
    this.#known.set(key, { pod, event, name, count: 1, firstAt: at, lastAt: at, told: 0 });
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= MOST) break;
      this.#known.delete(oldest);
    }
  }

  /** Tells the API what it does not know yet. Ends at the first request that gets no answer. */
  async flush(api: ApiClient): Promise<void> {
    for (const [key, known] of [...this.#known]) {
      if (known.told === known.count) continue;
      const { count } = known;
      try {
        await this.#tell(api, known);
        known.told = count;
      } catch (problem) {
        if (!(problem instanceof ApiProblem)) throw problem;
        if (problem.status === undefined) return;
        // Refused for good: another try would be refused as well.
        this.#known.delete(key);
      }
    }
  }

  async #tell(api: ApiClient, known: Known): Promise<void> {
    const { pod, name, count, lastAt, told } = known;
    const events = `/api/v1/namespaces/${pod.namespace}/events`;
    if (told === 0) {
      await api.ask('POST', events, this.#object(known));
    } else {
      const change = { count, lastTimestamp: time(lastAt) };
      await api.ask('PATCH', `${events}/${name}`, change, 'application/merge-patch+json');
    }
  }

  #object({ pod, event, name, count, firstAt, lastAt }: Known): unknown {
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name, namespace: pod.namespace },
      involvedObject: {
        apiVersion: 'v1',
        kind: 'Pod',
        name: pod.name,
        namespace: pod.namespace,
        uid: pod.uid,
        ...(event.container === undefined ? {} : { fieldPath: `spec.containers{${event.container}}` }),
      },
      type: event.type,
      reason: event.reason,
      message: event.message,
      count,
      firstTimestamp: time(firstAt),
      lastTimestamp: time(lastAt),
      source: { component: 'kubelet', host: this.#nodeName },
      reportingComponent: 'kubelet',
      reportingInstance: this.#nodeName,
    };
  }
}

function time(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}
