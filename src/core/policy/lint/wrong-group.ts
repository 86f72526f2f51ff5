/** A resource that is not in the API group it is listed under, or in none at all: the rule never sees it. */
import {
  RESOURCES,
  findByAnyName,
  findResource,
  findResources,
  isKnownGroup,
  namesInGroup,
  wasInGroup,
} from '../resources';
import { closest } from '../spelling';
import type { GroupResources } from '../types';
import type { LintContext, LintFinding, LintRule } from './context';
import { finding } from './context';
import { replaceScalar } from './rewrite';

export const wrongGroup: LintRule = {
  code: 'wrong-group',
  purpose: 'a resource that is not in the API group it is listed under',
  check(context) {
    return context.policy.rules.flatMap((rule, index) =>
      rule.resources.flatMap((entry, entryIndex) =>
        checkEntry(context, entry, ['rules', index, 'resources', entryIndex]),
      ),
    );
  },
};

type Path = readonly (string | number)[];

function checkEntry(context: LintContext, entry: GroupResources, path: Path): LintFinding[] {
  if (entry.group === '*') return [];
  if (!isKnownGroup(entry.group)) return checkUnknownGroup(context, entry, path);
  return entry.resources.flatMap((text, at) => {
    const [name = '', subresource] = text.split('/');
    const where = [...path, 'resources', at];
    if (name === '*' || name === '') return [];
    const resource = findResource(entry.group, name);
    if (resource !== undefined) {
      return subresource === undefined ? [] : checkSubresource(context, where, text, resource.subresources);
    }
    if (wasInGroup(entry.group, name)) return [];
    const others = findResources(name).filter((other) => other.group !== 'metrics.k8s.io');
    return others.length > 0
      ? [elsewhere(context, entry, path, where, text, others[0]?.group ?? '')]
      : unknownName(context, entry.group, where, name, text);
  });
}

/** A group of somebody else's, unless it only looks like one: "core", "rbac", a group with its dots forgotten. */
function checkUnknownGroup(context: LintContext, entry: GroupResources, path: Path): LintFinding[] {
  const names = entry.resources.map((text) => text.split('/')[0] ?? '').filter((name) => name !== '*');
  const groups = [...new Set(names.map((name) => findResources(name)[0]?.group))];
  const [only] = groups;
  const looksWrong = !entry.group.includes('.') || entry.group.endsWith('.k8s.io');
  if (!looksWrong) return [];
  const meant =
    entry.group === 'core' || entry.group === 'v1'
      ? ''
      : groups.length === 1 && only !== undefined
        ? only
        : names.length === 0
          ? closest(
              entry.group,
              [...new Set(RESOURCES.map(({ group }) => group))].filter((group) => group !== ''),
            )
          : undefined;
  if (meant === undefined) return [];
  const span = context.document.valueAt([...path, 'group']);
  return [
    finding(context, [...path, 'group'], {
      code: 'wrong-group',
      severity: 'error',
      title: `There is no API group ${entry.group}: ${names.length === 0 ? 'it' : names.join(', ')} never match${names.length > 1 ? '' : 'es'}`,
      detail: 'The API server does not check that a group exists.',
      remedy: [`group: ${shown(meant)}`],
      ...(span === undefined ? {} : { fix: [replaceScalar(context.document, span, meant)] }),
    }),
  ];
}

function elsewhere(
  context: LintContext,
  entry: GroupResources,
  path: Path,
  where: Path,
  text: string,
  right: string,
): LintFinding {
  const span = context.document.valueAt([...path, 'group']);
  // The group can be put right in place only if all the entry's resources move with it.
  const together = entry.resources.every((other) => findResource(right, other.split('/')[0] ?? '') !== undefined);
  const fix = !together ? undefined : span === undefined ? undefined : [replaceScalar(context.document, span, right)];
  return finding(context, where, {
    code: 'wrong-group',
    severity: 'error',
    title: `${text} is not in ${entry.group === '' ? 'the core group' : `the group ${entry.group}`}: this never matches`,
    detail: `${text} belongs to ${right === '' ? 'the core group ("")' : right}. The API server does not check that, and the rule sees no request for it.`,
    remedy: [`- group: ${shown(right)}\n  resources: [${text}]`],
    ...(fix === undefined ? {} : { fix }),
  });
}

/** Names of kinds that are sent to a subresource of something else. */
const ELSEWHERE = new Map([
  ['tokenrequests', 'serviceaccounts/token'],
  ['evictions', 'pods/eviction'],
  ['scales', 'deployments/scale'],
]);

function unknownName(context: LintContext, group: string, where: Path, name: string, text: string): LintFinding[] {
  const subresource = ELSEWHERE.get(name);
  if (subresource !== undefined) {
    const right = findResources(subresource.split('/')[0] ?? '')[0]?.group ?? '';
    return [
      finding(context, where, {
        code: 'wrong-group',
        severity: 'error',
        title: `${name} is no resource: such requests go to ${subresource}`,
        detail: 'The API server does not check the name: this never matches.',
        remedy: [`- group: ${shown(right)}\n  resources: [${subresource}]`],
      }),
    ];
  }
  const byOtherName = findByAnyName(name);
  const meant = byOtherName?.name ?? closest(name, namesInGroup(group));
  const inGroup = byOtherName === undefined || byOtherName.group === group;
  const rest = text.slice(name.length);
  const span = context.document.valueAt(where);
  const sure = byOtherName !== undefined && inGroup;
  const mended = `${meant ?? ''}${rest}`;
  return [
    finding(context, where, {
      code: 'wrong-group',
      severity: meant === undefined ? 'warning' : 'error',
      title: `${group === '' ? 'The core group' : `The group ${group}`} has no resource ${name}`,
      detail:
        'Resources are named as in URLs: plural and in lower case. The API server does not check the name; it never matches.',
      remedy:
        meant === undefined
          ? [`Check the name: kubectl api-resources --api-group=${group === '' ? "''" : group}`]
          : inGroup
            ? [`Write ${meant}${rest} instead of ${text}.`]
            : [`- group: ${shown(byOtherName.group)}\n  resources: [${mended}]`],
      ...(sure && span !== undefined ? { fix: [replaceScalar(context.document, span, mended)] } : {}),
    }),
  ];
}

function checkSubresource(context: LintContext, where: Path, text: string, known: readonly string[]): LintFinding[] {
  const [name = '', ...rest] = text.split('/');
  const subresource = rest.join('/');
  if (subresource === '*' || known.includes(subresource)) return [];
  const meant = closest(subresource, known);
  const span = context.document.valueAt(where);
  return [
    finding(context, where, {
      code: 'wrong-group',
      severity: meant === undefined ? 'warning' : 'error',
      title: `${name} have no subresource ${subresource}`,
      detail: 'The API server does not check the name: this never matches.',
      remedy: [
        meant !== undefined
          ? `Write ${name}/${meant} instead of ${text}.`
          : known.length === 0
            ? `Remove ${text}.`
            : `Subresources of ${name}: ${known.join(', ')}.`,
      ],
      ...(meant === undefined || span === undefined
        ? {}
        : { fix: [replaceScalar(context.document, span, `${name}/${meant}`)] }),
    }),
  ];
}

function shown(group: string): string {
  return group === '' ? '""' : group;
}
