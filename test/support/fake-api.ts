/** An API in memory, as far as a kubelet talks to it: objects by path, optimistic locking, and a switch. */
import { ApiProblem, type ApiAnswer, type ApiClient } from '../../src/sandbox/kubelet/api/client';

type Fields = Record<string, unknown> & { metadata: Record<string, unknown> };

export class FakeApi implements ApiClient {
  up = true;
  readonly objects = new Map<string, Fields>();
  readonly asked: string[] = [];
  #version = 0;

  ask(method: string, path: string, body?: unknown): Promise<ApiAnswer> {
    if (!this.up) {
      const verb = method.charAt(0) + method.slice(1).toLowerCase();
      return Promise.reject(new ApiProblem(`${verb} "https://api${path}": dial tcp: connect: connection refused`));
    }
    const [name = ''] = path.split('?');
    this.asked.push(`${method} ${name}`);
    return new Promise((resolve) => {
      resolve({ status: 200, body: this.#do(method, name, body as Fields | undefined) });
    });
  }

  close(): void {
    this.up = false;
  }

  /** What tests look into, field by field. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- an object of any kind, compared whole
  get(path: string): any {
    return this.objects.get(path);
  }

  #do(method: string, path: string, body: Fields | undefined): Record<string, unknown> {
    const known = this.objects.get(path);
    if (method === 'POST') return this.#create(`${path}/${body!.metadata['name'] as string}`, body!);
    if (method === 'GET' && path === '/api/v1/nodes') return { items: [] };
    if (method === 'GET' && path === '/api/v1/pods') {
      return { items: [...this.objects].filter(([key]) => key.includes('/pods/')).map(([, pod]) => pod) };
    }
    if (method === 'PATCH') return this.#patch(path, body!);
    if (known === undefined) throw new ApiProblem('not found', 404);
    if (method === 'DELETE') {
      const { preconditions } = body as unknown as { preconditions: { uid: string } };
      if (preconditions.uid !== known.metadata['uid']) throw new ApiProblem('conflict', 409);
      this.objects.delete(path);
    } else if (method === 'PUT') {
      if (body!.metadata['resourceVersion'] !== known.metadata['resourceVersion'])
        throw new ApiProblem('conflict', 409);
      return this.#put(path, body!);
    }
    return known;
  }

  #create(path: string, body: Fields): Fields {
    if (this.objects.has(path)) throw new ApiProblem('already exists', 409);
    return this.#put(path, { ...body, metadata: { ...body.metadata, uid: `uid-${this.#version + 1}` } });
  }

  #patch(path: string, body: Fields): Fields {
    const name = path.replace(/\/status$/, '');
    const known = this.objects.get(name);
    if (known === undefined) throw new ApiProblem('not found', 404);
    const { metadata, ...rest } = body;
    if (metadata?.['uid'] !== undefined && metadata['uid'] !== known.metadata['uid'])
      throw new ApiProblem('conflict', 409);
    return this.#put(name, { ...known, ...rest });
  }

  #put(path: string, body: Fields): Fields {
    const stored = { ...body, metadata: { ...body.metadata, resourceVersion: String(++this.#version) } };
    this.objects.set(path, stored);
    return stored;
  }
}
