/** Commands that take their objects from files. What stands in the files is given beside the command line. */
import { UserError } from '../../errors';
import { findByAnyName, RESOURCES } from '../resources';
import type { Target } from './paths';
import { objectPath } from './paths';
import type { FileObject, Planner } from './plan';

export type FileAction = 'get' | 'apply' | 'create' | 'replace' | 'delete' | 'patch' | 'diff';

/** Answers whether the command has files; then its requests have been added. */
export function fileCommand(plan: Planner, action: FileAction): boolean {
  if (plan.flag('filename') === undefined && plan.flag('kustomize') === undefined) return false;
  if (plan.objects.length === 0) {
    plan.notes.push(`The requests depend on the objects in the files: ${SHAPES[action]}`);
    return true;
  }
  for (const object of plan.objects) {
    const target = targetOf(object);
    plan.within(object.namespace, () => {
      addRequests(plan, target, action);
    });
  }
  return true;
}

const SHAPES: Readonly<Record<FileAction, string>> = {
  get: 'a get of each.',
  apply: 'a get of each, then a patch of what is there and differs, or a create of what is not.',
  create: 'a create of each.',
  replace: 'a get and an update of each.',
  delete: 'a delete of each, then gets, a list and a watch until it is gone.',
  patch: 'a get and a patch of each.',
  diff: 'a get and a patch with dryRun=All of each.',
};

function addRequests(plan: Planner, target: Target, action: FileAction): void {
  switch (action) {
    case 'get':
      plan.get(target);
      return;
    case 'apply':
      if (plan.has('server-side')) {
        plan.change('PATCH', target, 'applies the object', '');
        return;
      }
      plan.get(target);
      plan.create(target, 'creates the object', 'when it is not there yet');
      plan.change('PATCH', target, 'sends the differences', '', 'when it is there and differs');
      return;
    case 'create':
      plan.create(target, 'creates the object');
      return;
    case 'replace':
      if (plan.has('force')) {
        plan.delete(target);
        plan.create(target, 'creates it again');
        return;
      }
      plan.get(target);
      plan.change('PUT', target, 'replaces the object', '');
      return;
    case 'delete':
      plan.delete(target);
      return;
    case 'patch':
      plan.get(target);
      plan.change('PATCH', target, 'sends the change', '');
      return;
    case 'diff':
      plan.get(target);
      plan.add('PATCH', `${objectPath(target, plan.namespace)}?dryRun=All`, 'asks what the server would make of it');
  }
}

function targetOf({ apiVersion, kind, name }: FileObject): Target {
  const slash = apiVersion.indexOf('/');
  const [group, version] = slash === -1 ? ['', apiVersion] : [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)];
  const known = RESOURCES.find((resource) => resource.group === group && resource.kind === kind);
  if (known !== undefined) return { resource: { ...known, version }, name };
  if (group === '' || kind === '') {
    throw new UserError('unknown-resource', `no resource has the kind ${kind} in ${apiVersion}`, {
      hints: findByAnyName(kind) === undefined ? [] : [`${kind} is in ${findByAnyName(kind)?.group ?? ''}`],
    });
  }
  // Kinds of other groups: the plural by the usual rule of English.
  const lower = kind.toLowerCase();
  const plural = /(s|x|ch|sh)$/.test(lower)
    ? `${lower}es`
    : /[^aeiou]y$/.test(lower)
      ? `${lower.slice(0, -1)}ies`
      : `${lower}s`;
  const resource = { group, version, name: plural, kind, shortNames: [], namespaced: true, subresources: [] };
  return { resource, name };
}
