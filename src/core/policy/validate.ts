/** What the server checks of a decoded policy, and nothing more (apiserver/pkg/apis/audit/validation/validation.go). */
import { goJson, goJsonList, goQuote } from './go-text';
import type { PathStep } from './schema';
import { pathText } from './schema';
import type { KubeVersion, Level, Policy, Rule, Stage } from './types';
import { LEVELS, STAGES, isAtLeast } from './types';

export type ValidationCode =
  | 'missing-level'
  | 'unknown-level'
  | 'unknown-stage'
  | 'invalid-url'
  | 'urls-with-resources'
  | 'invalid-group'
  | 'names-without-resources';

export interface ValidationError {
  code: ValidationCode;
  /** The server's words, field path first. */
  text: string;
  /** Where it really is; the server leaves out the index in `resources`. */
  path: readonly PathStep[];
}

/** A policy before it is known to be valid: levels and stages can be any text. */
export type UncheckedPolicy = Omit<Policy, 'rules' | 'omitStages'> & {
  omitStages: readonly string[];
  rules: readonly UncheckedRule[];
};
export type UncheckedRule = Omit<Rule, 'level' | 'omitStages'> & { level: string; omitStages: readonly string[] };

export function validatePolicy(policy: UncheckedPolicy, version: KubeVersion): ValidationError[] {
  return [
    ...checkStages(policy.omitStages, ['omitStages']),
    ...policy.rules.flatMap((rule, index) => checkRule(rule, ['rules', index], version)),
  ];
}

/** Several errors as one text: repetitions once, more than one in brackets. */
export function aggregateText(errors: readonly ValidationError[]): string {
  const texts = [...new Set(errors.map((error) => error.text))];
  return texts.length === 1 ? (texts[0] ?? '') : `[${texts.join(', ')}]`;
}

export function isValid(policy: UncheckedPolicy, errors: readonly ValidationError[]): policy is Policy {
  return policy.rules.length > 0 && errors.length === 0;
}

function checkRule(rule: UncheckedRule, path: readonly PathStep[], version: KubeVersion): ValidationError[] {
  const errors = [
    ...checkLevel(rule.level, [...path, 'level']),
    ...rule.nonResourceURLs.flatMap((url, index) => checkUrl(url, [...path, 'nonResourceURLs', index])),
    ...checkResources(rule, path, version),
    ...checkStages(rule.omitStages, [...path, 'omitStages']),
  ];
  if (rule.nonResourceURLs.length > 0 && (rule.resources.length > 0 || rule.namespaces.length > 0)) {
    const bad = goJsonList(rule.nonResourceURLs);
    const reason = 'rules cannot apply to both regular resources and non-resource URLs';
    errors.push(invalid('urls-with-resources', [...path, 'nonResourceURLs'], bad, reason));
  }
  return errors;
}

function checkLevel(level: string, path: readonly PathStep[]): ValidationError[] {
  if (LEVELS.includes(level as Level)) return [];
  if (level === '') return [{ code: 'missing-level', path, text: `${pathText(path)}: Required value` }];
  const supported = LEVELS.map((name) => `"${name}"`).join(', ');
  const text = `${pathText(path)}: Unsupported value: ${goJson(level)}: supported values: ${supported}`;
  return [{ code: 'unknown-level', path, text }];
}

function checkStages(stages: readonly string[], path: readonly PathStep[]): ValidationError[] {
  return stages.flatMap((stage, index) =>
    STAGES.includes(stage as Stage)
      ? []
      : [invalid('unknown-stage', [...path, index], goQuote(stage), `allowed stages are ${STAGES.join(',')}`)],
  );
}

function checkUrl(url: string, path: readonly PathStep[]): ValidationError[] {
  if (url === '*') return [];
  const reasons = [
    ...(url.startsWith('/') ? [] : ["non-resource URL rules must begin with a '/' character"]),
    ...(/\*./s.test(url) ? ["non-resource URL wildcards '*' must be the final character of the rule"] : []),
  ];
  return reasons.map((reason) => invalid('invalid-url', path, goQuote(url), reason));
}

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const SUBDOMAIN_TEXT =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start " +
  `and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '${SUBDOMAIN}')`;
const SUBDOMAIN_PATTERN = new RegExp(`^(?:${SUBDOMAIN})$`);
const SUBDOMAIN_LENGTH = 253;

function checkResources(rule: UncheckedRule, path: readonly PathStep[], version: KubeVersion): ValidationError[] {
  return rule.resources.flatMap(({ group, resources, resourceNames }, index) => {
    const errors: ValidationError[] = [];
    const said = `${pathText(path)}.resources`;
    const reasons = group === '' || (group === '*' && isAtLeast(version, 1, 36)) ? [] : subdomainProblems(group);
    if (reasons.length > 0) {
      const text = `${said}.group: Invalid value: ${goQuote(group)}: ${reasons.join(',')}`;
      errors.push({ code: 'invalid-group', path: [...path, 'resources', index, 'group'], text });
    }
    if (resourceNames.length > 0 && resources.length === 0) {
      const text = `${said}.resourceNames: Invalid value: ${goJsonList(resourceNames)}: using resourceNames requires at least one resource`;
      errors.push({ code: 'names-without-resources', path: [...path, 'resources', index, 'resourceNames'], text });
    }
    return errors;
  });
}

function subdomainProblems(name: string): string[] {
  return [
    ...(new TextEncoder().encode(name).length > SUBDOMAIN_LENGTH
      ? [`must be no more than ${SUBDOMAIN_LENGTH} characters`]
      : []),
    ...(SUBDOMAIN_PATTERN.test(name) ? [] : [SUBDOMAIN_TEXT]),
  ];
}

function invalid(code: ValidationCode, path: readonly PathStep[], value: string, reason: string): ValidationError {
  return { code, path, text: `${pathText(path)}: Invalid value: ${value}: ${reason}` };
}
