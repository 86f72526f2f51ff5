/** What the commands of kubectl are written in: requests collected in order, with the flags at hand. */
import type { KubectlArgs } from './args';
import type { Target } from './paths';
import { EACH, collectionPath, objectPath, targetsOf, withQuery } from './paths';

export interface KubectlRequest {
  method: string;
  /** With the query, as far as the policy or a reader cares. */
  path: string;
  /** What it is for. */
  why: string;
  /** Under which condition it is made; absent when always. */
  when?: string;
  /** Made before the command itself, to learn what the server has; kept on disk for some hours. */
  discovery?: boolean;
}

export interface KubectlPlan {
  requests: KubectlRequest[];
  /** What the reader should know to read the answer right. */
  notes: string[];
}

/** An object of a file given with -f, as far as it decides over requests. */
export interface FileObject {
  apiVersion: string;
  kind: string;
  name: string;
  namespace?: string;
}

export class Planner {
  readonly requests: KubectlRequest[] = [];
  readonly notes: string[] = [];
  readonly args: KubectlArgs;
  /** The words after the command. */
  readonly words: readonly string[];
  readonly objects: readonly FileObject[];
  #namespace: string | undefined;

  constructor(args: KubectlArgs, words: readonly string[], objects: readonly FileObject[]) {
    this.args = args;
    this.words = words;
    this.objects = objects;
  }

  /** Lets an object of a file be where the file says it is. */
  within(namespace: string | undefined, plan: () => void): void {
    this.#namespace = namespace;
    plan();
    this.#namespace = undefined;
  }

  flag(name: string): string | undefined {
    return this.args.flags.get(name)?.at(-1);
  }

  has(name: string): boolean {
    const value = this.flag(name);
    return value !== undefined && value !== 'false';
  }

  /** '' with --all-namespaces. */
  get namespace(): string {
    if (this.#namespace !== undefined) return this.#namespace;
    return this.has('all-namespaces') ? '' : (this.flag('namespace') ?? 'default');
  }

  /** Parameters of a dry run on the server; undefined when nothing is sent at all. */
  get dryRun(): { dryRun?: string } | undefined {
    const value = this.flag('dry-run');
    if (value === undefined || value === 'none' || value === 'false') return {};
    return value === 'server' ? { dryRun: 'All' } : undefined;
  }

  targets(words: readonly string[] = this.words): Target[] {
    return targetsOf(words);
  }

  add(method: string, path: string, why: string, when?: string): void {
    this.requests.push({ method, path, why, ...(when === undefined ? {} : { when }) });
  }

  get(target: Target, why = 'reads the object'): void {
    this.add('GET', objectPath(target, this.namespace, this.flag('subresource')), why);
  }

  list(target: Target, query: Readonly<Record<string, string | undefined>> = {}, why = 'lists'): void {
    this.add('GET', withQuery(collectionPath(target.resource, this.namespace), { ...this.selectors(), ...query }), why);
  }

  selectors(): Record<string, string | undefined> {
    return { labelSelector: this.flag('selector'), fieldSelector: this.flag('field-selector') };
  }

  /** A list and a watch of one object by its name: how kubectl waits. */
  await(target: Target, why: string, when?: string): void {
    const only = { fieldSelector: `metadata.name=${target.name}` };
    const path = collectionPath(target.resource, this.namespace);
    this.add('GET', withQuery(path, only), why, when);
    this.add('GET', withQuery(path, { ...only, watch: 'true' }), why, when);
  }

  /** The named objects; without a name the ones that a list finds, each as {@link EACH}. */
  found(words: readonly string[] = this.words): Target[] {
    return this.targets(words).map((target) => {
      if (target.name !== '') return target;
      this.list(target, {}, 'finds the objects');
      return { ...target, name: EACH };
    });
  }

  /** A change of one object that was read before. */
  change(
    method: string,
    target: Target,
    why: string,
    subresource = this.flag('subresource') ?? '',
    when?: string,
  ): void {
    const { dryRun } = this;
    if (dryRun === undefined) this.notes.push('With --dry-run=client nothing is changed, and no such request is made.');
    else this.add(method, withQuery(objectPath(target, this.namespace, subresource), dryRun), why, when);
  }

  create(target: Target, why: string, when?: string): void {
    const { dryRun } = this;
    if (dryRun === undefined) this.notes.push('With --dry-run=client nothing is created, and no such request is made.');
    else this.add('POST', withQuery(collectionPath(target.resource, this.namespace || 'default'), dryRun), why, when);
  }

  /** A deletion, and the wait until the object is gone. */
  delete(target: Target): void {
    this.change('DELETE', target, 'deletes the object');
    if (this.flag('wait') === 'false' || this.flag('dry-run') !== undefined) return;
    this.get(target, 'looks whether it is gone');
    this.await(target, 'waits until it is gone', 'when it is not gone at once');
  }
}
