/** `$(VAR)` in a container's command, as the kubelet expands it (third_party/forked/golang/expansion/expand.go). */
import { isMap, scalarOf } from './value';

/** The pieces of an expanded text; null stands for something this file does not say. */
export type Pieces = readonly (string | null)[];

/** What is known of a container's environment: null is a variable whose value comes from elsewhere. */
export type Environment = ReadonlyMap<string, string | null>;

/** Expands references; `$$` is a dollar sign. A variable that is not in the environment may be set by the kubelet: null. */
export function expand(text: string, environment: Environment): Pieces {
  const pieces: (string | null)[] = [];
  const add = (piece: string | null): void => {
    const last = pieces.at(-1);
    if (piece === null || last == null) pieces.push(piece);
    else pieces[pieces.length - 1] = last + piece;
  };
  const reference = /\$(?:\$|\(([^)]*)\))/g;
  let at = 0;
  for (let found = reference.exec(text); found !== null; found = reference.exec(text)) {
    if (found.index > at) add(text.slice(at, found.index));
    if (found[1] === undefined) add('$');
    else add(environment.get(found[1]) ?? null);
    at = reference.lastIndex;
  }
  if (at < text.length || pieces.length === 0) add(text.slice(at));
  return pieces;
}

/** The whole text, when nothing of it is unknown. */
export function known(pieces: Pieces): string | undefined {
  return pieces.includes(null) ? undefined : pieces.join('');
}

/** A container's `env`, in order: a value may refer to the variables before it. */
export function environmentOf(env: readonly unknown[]): Environment {
  const environment = new Map<string, string | null>();
  for (const entry of env) {
    if (!isMap(entry) || typeof entry.name !== 'string') continue;
    const plain = entry.valueFrom == null ? scalarOf(entry.value ?? '') : undefined;
    environment.set(entry.name, plain === undefined ? null : (known(expand(plain, environment)) ?? null));
  }
  return environment;
}
