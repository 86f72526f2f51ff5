/** ConfigMaps and Secrets: their rows, and what they may hold. */
import { isObj, obj, same, str, type KubeObject, type Obj } from '../value';
import type { FieldErrors } from '../status';
import { AGE, NAME, textColumn } from './columns';
import { kindRow } from './kind';
import { validateData } from './validate';

const core = { group: '', version: 'v1' };

export const CONFIGMAPS = kindRow({
  ...core,
  resource: 'configmaps',
  kind: 'ConfigMap',
  shortNames: ['cm'],
  columns: [
    NAME,
    {
      name: 'Data',
      description: 'How many keys it holds.',
      cell: ({ data, binaryData }) => String(Object.keys(obj(data)).length + Object.keys(obj(binaryData)).length),
    },
    AGE,
  ],
  validate(object, errors, before) {
    const { data, binaryData } = object;
    validateData(
      [
        { field: 'data', map: data, base64: false },
        { field: 'binaryData', map: binaryData, base64: true },
      ],
      '[]',
      errors,
    );
    validateImmutable(object, before, ['data', 'binaryData'], errors);
  },
});

export const SECRETS = kindRow({
  ...core,
  resource: 'secrets',
  kind: 'Secret',
  fields: { type: ({ type }) => str(type) },
  columns: [
    NAME,
    textColumn('Type', 'What kind of secret it is.', ['type']),
    {
      name: 'Data',
      description: 'How many keys it holds.',
      cell: ({ data }) => String(Object.keys(obj(data)).length),
    },
    AGE,
  ],
  defaults(secret) {
    secret.type ??= 'Opaque';
    if (!isObj(secret.stringData)) return;
    const data = Object.entries(secret.stringData).map(([key, value]) => [
      key,
      Buffer.from(str(value)).toString('base64'),
    ]);
    secret.data = { ...obj(secret.data), ...(Object.fromEntries(data) as Obj) };
    delete secret.stringData;
  },
  validate: validateSecret,
});

function validateSecret(secret: KubeObject, errors: FieldErrors, before: KubeObject | undefined): void {
  validateData([{ field: 'data', map: secret.data, base64: true }], 'data', errors);
  const data = obj(secret.data);
  for (const key of REQUIRED_KEYS.get(str(secret.type)) ?? []) if (!(key in data)) errors.required(`data[${key}]`);
  if (secret.type === 'kubernetes.io/service-account-token') {
    const name = secret.metadata.annotations?.['kubernetes.io/service-account.name'] ?? '';
    if (name === '') errors.required('metadata.annotations[kubernetes.io/service-account.name]');
  }
  if (before !== undefined && secret.type !== before.type) errors.wrong('type', secret.type, 'field is immutable');
  validateImmutable(secret, before, ['data'], errors);
}

const REQUIRED_KEYS: ReadonlyMap<string, readonly string[]> = new Map([
  ['kubernetes.io/dockerconfigjson', ['.dockerconfigjson']],
  ['kubernetes.io/dockercfg', ['.dockercfg']],
  ['kubernetes.io/ssh-auth', ['ssh-privatekey']],
  ['kubernetes.io/tls', ['tls.crt', 'tls.key']],
]);

function validateImmutable(
  object: KubeObject,
  before: KubeObject | undefined,
  fields: readonly string[],
  errors: FieldErrors,
): void {
  if (before?.immutable !== true) return;
  const text = 'field is immutable when `immutable` is set';
  if (object.immutable !== true) errors.forbidden('immutable', text);
  for (const field of fields) if (!same(object[field] ?? {}, before[field] ?? {})) errors.forbidden(field, text);
}
