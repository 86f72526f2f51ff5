/** Checks that several kinds share, with the server's texts (kubernetes/pkg/apis/core/validation/validation.go). */
import type { FieldErrors } from '../status';
import { arr, at, isObj, obj, objs, str, type Obj } from '../value';
import { matchesSelector } from '../selectors';
import type { NameRule } from './kind';

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const LABEL_TEXT = `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '${LABEL}')`;
const LABEL_1035_TEXT =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN_TEXT = `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '${LABEL}(\\.${LABEL})*')`;
const QUALIFIED_TEXT =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE_TEXT =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const KEY_TEXT =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

const LABEL_RE = new RegExp(`^${LABEL}$`);
const SUBDOMAIN_RE = new RegExp(`^${LABEL}(\\.${LABEL})*$`);
const LABEL_1035_RE = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const NAME_PART_RE = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const LABEL_VALUE_RE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
const ANNOTATIONS_LIMIT = 256 * 1024;
const DATA_LIMIT = 1024 * 1024;

/** What is wrong with a name; empty when nothing is. */
export function nameProblems(rule: NameRule, name: string): string[] {
  const problems: string[] = [];
  switch (rule) {
    case 'path-segment':
      if (name === '.' || name === '..') problems.push(`may not be '${name}'`);
      for (const character of ['/', '%']) if (name.includes(character)) problems.push(`may not contain '${character}'`);
      return problems;
    case 'subdomain':
      if (name.length > 253) problems.push('must be no more than 253 characters');
      if (!SUBDOMAIN_RE.test(name)) problems.push(SUBDOMAIN_TEXT);
      return problems;
    default:
      if (name.length > 63) problems.push('must be no more than 63 characters');
      if (rule === 'label' && !LABEL_RE.test(name)) problems.push(LABEL_TEXT);
      if (rule === 'label-1035' && !LABEL_1035_RE.test(name)) problems.push(LABEL_1035_TEXT);
      return problems;
  }
}

export function validateMetadata(metadata: Obj, rule: NameRule, errors: FieldErrors): void {
  const name = str(metadata.name);
  const generate = str(metadata.generateName);
  if (name === '') errors.required('metadata.name', 'name or generateName is required');
  else for (const problem of nameProblems(rule, name)) errors.wrong('metadata.name', name, problem);
  if (generate !== '') {
    const base = rule === 'path-segment' ? generate : generate.replace(/[-.]+$/, '') || 'x';
    for (const problem of nameProblems(rule, base)) errors.wrong('metadata.generateName', generate, problem);
  }
  validateLabels(metadata.labels, 'metadata.labels', errors);
  validateAnnotations(metadata.annotations, errors);
  for (const [index, finalizer] of arr(metadata.finalizers).entries()) {
    for (const problem of qualifiedProblems(str(finalizer))) {
      errors.wrong(`metadata.finalizers[${index}]`, finalizer, problem);
    }
  }
  for (const [index, owner] of objs(metadata.ownerReferences).entries()) {
    for (const field of ['apiVersion', 'kind', 'name', 'uid']) {
      if (str(owner[field]) === '')
        errors.wrong(`metadata.ownerReferences[${index}].${field}`, '', `${field} must not be empty`);
    }
  }
}

export function validateLabels(labels: unknown, field: string, errors: FieldErrors): void {
  for (const [key, value] of Object.entries(obj(labels))) {
    for (const problem of qualifiedProblems(key)) errors.wrong(field, key, problem);
    const text = str(value);
    if (text.length > 63) errors.wrong(field, text, 'must be no more than 63 characters');
    if (!LABEL_VALUE_RE.test(text)) errors.wrong(field, text, LABEL_VALUE_TEXT);
  }
}

function validateAnnotations(annotations: unknown, errors: FieldErrors): void {
  let size = 0;
  for (const [key, value] of Object.entries(obj(annotations))) {
    for (const problem of qualifiedProblems(key.toLowerCase())) errors.wrong('metadata.annotations', key, problem);
    size += key.length + str(value).length;
  }
  if (size > ANNOTATIONS_LIMIT) errors.tooLong('metadata.annotations', ANNOTATIONS_LIMIT);
}

function qualifiedProblems(key: string): string[] {
  const parts = key.split('/');
  const name = parts.pop() ?? '';
  const [prefix] = parts;
  const problems: string[] = [];
  if (parts.length > 1) {
    return [
      `a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  if (prefix !== undefined) {
    if (prefix === '') problems.push('prefix part must be non-empty');
    else for (const problem of nameProblems('subdomain', prefix)) problems.push(`prefix part ${problem}`);
  }
  if (name === '') problems.push('name part must be non-empty');
  else if (name.length > 63) problems.push('name part must be no more than 63 characters');
  if (name === '' || !NAME_PART_RE.test(name)) problems.push(QUALIFIED_TEXT);
  return problems;
}

export interface DataMap {
  field: string;
  map: unknown;
  /** The values are base64: their decoded size counts. */
  base64: boolean;
}

/** Keys and size of what a ConfigMap or a Secret holds. */
export function validateData(maps: readonly DataMap[], sizeField: string, errors: FieldErrors): void {
  let size = 0;
  for (const { field, map, base64 } of maps) {
    for (const [key, value] of Object.entries(obj(map))) {
      if (!/^[-._a-zA-Z0-9]+$/.test(key)) errors.wrong(`${field}[${key}]`, key, KEY_TEXT);
      else if (key.length > 253) errors.wrong(`${field}[${key}]`, key, 'must be no more than 253 characters');
      else if (key === '.' || key === '..') errors.wrong(`${field}[${key}]`, key, `must not be '${key}'`);
      size += base64 ? base64Length(str(value)) : Buffer.byteLength(str(value));
    }
  }
  if (size > DATA_LIMIT) errors.tooLong(sizeField, DATA_LIMIT);
}

function base64Length(text: string): number {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  return Math.max(0, Math.floor((text.length * 3) / 4) - padding);
}

/** @param path `spec` of a pod, or `spec.template.spec`. */
export function validatePodSpec(spec: Obj, path: string, errors: FieldErrors): void {
  const volumes = new Set<string>();
  for (const [index, volume] of objs(spec.volumes).entries()) {
    const name = str(volume.name);
    const field = `${path}.volumes[${index}].name`;
    if (name === '') errors.required(field);
    else for (const problem of nameProblems('label', name)) errors.wrong(field, name, problem);
    if (volumes.has(name)) errors.duplicate(field, name);
    volumes.add(name);
  }
  if (objs(spec.containers).length === 0) errors.required(`${path}.containers`);
  const names = new Set<string>();
  for (const list of ['containers', 'initContainers']) {
    for (const [index, container] of objs(spec[list]).entries()) {
      validateContainer(container, `${path}.${list}[${index}]`, volumes, names, errors);
    }
  }
  const policies = ['Always', 'OnFailure', 'Never'];
  if (!policies.includes(str(spec.restartPolicy))) {
    errors.unsupported(`${path}.restartPolicy`, spec.restartPolicy, policies);
  }
}

function validateContainer(
  container: Obj,
  path: string,
  volumes: Set<string>,
  names: Set<string>,
  errors: FieldErrors,
): void {
  const name = str(container.name);
  if (name === '') errors.required(`${path}.name`);
  else for (const problem of nameProblems('label', name)) errors.wrong(`${path}.name`, name, problem);
  if (name !== '' && names.has(name)) errors.duplicate(`${path}.name`, name);
  names.add(name);
  const image = str(container.image);
  if (image === '') errors.required(`${path}.image`);
  else if (image.trim() !== image) errors.wrong(`${path}.image`, image, 'must not have leading or trailing whitespace');
  for (const [index, port] of objs(container.ports).entries()) {
    const number = port.containerPort;
    const field = `${path}.ports[${index}].containerPort`;
    if (number === undefined) errors.required(field);
    else if (!isPort(number)) errors.wrong(field, number, PORT_TEXT);
  }
  for (const [index, variable] of objs(container.env).entries()) {
    if (str(variable.name) === '') errors.required(`${path}.env[${index}].name`);
  }
  const mounted = new Set<string>();
  for (const [index, mount] of objs(container.volumeMounts).entries()) {
    const field = `${path}.volumeMounts[${index}]`;
    if (str(mount.name) === '') errors.required(`${field}.name`);
    else if (!volumes.has(str(mount.name))) errors.notFound(`${field}.name`, mount.name);
    if (str(mount.mountPath) === '') errors.required(`${field}.mountPath`);
    else if (mounted.has(str(mount.mountPath))) errors.wrong(`${field}.mountPath`, mount.mountPath, 'must be unique');
    mounted.add(str(mount.mountPath));
  }
  const policies = ['Always', 'IfNotPresent', 'Never'];
  if (!policies.includes(str(container.imagePullPolicy))) {
    errors.unsupported(`${path}.imagePullPolicy`, container.imagePullPolicy, policies);
  }
}

export const PORT_TEXT = 'must be between 1 and 65535, inclusive';

export function isPort(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 65536;
}

/** Selector and template of what makes pods. */
export function validateWorkload(object: Obj, errors: FieldErrors, before: Obj | undefined): void {
  const spec = obj(object.spec);
  const template = obj(spec.template);
  if (!isObj(spec.selector)) errors.required('spec.selector');
  else {
    const { matchLabels, matchExpressions } = spec.selector;
    if (Object.keys(obj(matchLabels)).length === 0 && arr(matchExpressions).length === 0) {
      errors.wrong('spec.selector', spec.selector, 'empty selector is invalid for deployment');
    } else if (!matchesSelector(spec.selector, at(template, 'metadata', 'labels'))) {
      errors.wrong(
        'spec.template.metadata.labels',
        obj(at(template, 'metadata', 'labels')),
        '`selector` does not match template `labels`',
      );
    }
  }
  const { replicas } = spec;
  if (typeof replicas === 'number' && replicas < 0) {
    errors.wrong('spec.replicas', replicas, 'must be greater than or equal to 0');
  }
  validateLabels(at(template, 'metadata', 'labels'), 'spec.template.labels', errors);
  validatePodSpec(obj(template.spec), 'spec.template.spec', errors);
  const policy = at(template, 'spec', 'restartPolicy');
  if (policy !== 'Always') errors.unsupported('spec.template.spec.restartPolicy', policy, ['Always']);
  if (before !== undefined && JSON.stringify(at(before, 'spec', 'selector')) !== JSON.stringify(spec.selector)) {
    errors.wrong('spec.selector', spec.selector, 'field is immutable');
  }
}
