/**
 * Resources as people name them: `secrets`, `secret`, `pods/exec`, `deployments.apps`, `*.rbac.authorization.k8s.io`. Plain
 * `pods` is pods with all that is below them; `pods/` is the pods themselves.
 */
import { findByAnyName, RESOURCES } from '../policy/resources';
import { closest } from '../policy/spelling';
import { exactOrGlob, splitValues } from './patterns';

export interface ResourceName {
  resource: string;
  /** undefined: whichever; '': of the core. */
  group: string | undefined;
  /** undefined: with or without; '': without. */
  subresource: string | undefined;
}

export function parseResource(text: string): ResourceName {
  const [main, sub] = text.split('/', 2) as [string, string?];
  const dot = main.indexOf('.');
  const subDot = sub?.indexOf('.') ?? -1;
  const plain = dot === -1 ? main : main.slice(0, dot);
  const group = dot !== -1 ? main.slice(dot + 1) : subDot > 0 ? sub?.slice(subDot + 1) : undefined;
  return {
    resource: findByAnyName(plain)?.name ?? plain,
    group,
    subresource: sub === undefined ? undefined : subDot > 0 ? sub.slice(0, subDot) : sub,
  };
}

/** Whether it is one of Kubernetes itself; one of another group than those it knows is taken for somebody else's. */
export function isOfOwn(text: string): { is: boolean; meant: string | undefined } {
  const { resource, group } = parseResource(text);
  if (group !== undefined || resource.includes('*') || findByAnyName(resource) !== undefined)
    return { is: true, meant: undefined };
  const meant = closest(resource, [...new Set(RESOURCES.flatMap(({ name, kind }) => [name, kind.toLowerCase()]))]);
  return { is: false, meant: meant === undefined ? undefined : findByAnyName(meant)?.name };
}

/** A test over resource, group and subresource. */
export function resourceTest(values: readonly string[]): {
  test: (resource: string, group: string, subresource: string) => boolean;
  stable: boolean;
} {
  const all = splitValues(values);
  const wanted = all.filter((value) => !value.startsWith('!')).map(single);
  const unwanted = all.filter((value) => value.startsWith('!')).map((value) => single(value.slice(1)));
  return {
    stable: true,
    test: (resource, group, subresource) =>
      (wanted.length === 0 || wanted.some((test) => test(resource, group, subresource))) &&
      !unwanted.some((test) => test(resource, group, subresource)),
  };
}

function single(value: string): (resource: string, group: string, subresource: string) => boolean {
  const { resource, group, subresource } = parseResource(value);
  const isResource = exactOrGlob(resource);
  const isGroup = group === undefined ? () => true : exactOrGlob(group);
  const isSubresource = subresource === undefined ? () => true : exactOrGlob(subresource);
  return (one, of, sub) => one !== '' && isResource(one) && isGroup(of) && isSubresource(sub);
}
