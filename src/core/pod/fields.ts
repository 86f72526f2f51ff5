/** The words in which Kubernetes refuses a field. Source: apimachinery/pkg/util/validation/{field/errors,validation}.go. */
import { goQuote } from '../policy/go-text';

export type Report = (error: string) => void;

export const required = (path: string, detail = ''): string =>
  `${path}: Required value${detail === '' ? '' : `: ${detail}`}`;
export const invalid = (path: string, value: string | number, detail: string): string =>
  `${path}: Invalid value: ${shown(value)}: ${detail}`;
export const notFound = (path: string, value: string): string => `${path}: Not found: ${goQuote(value)}`;
export const duplicate = (path: string, value: string): string => `${path}: Duplicate value: ${goQuote(value)}`;
export const forbidden = (path: string, detail: string): string => `${path}: Forbidden: ${detail}`;
export const unsupported = (path: string, value: string, values: readonly string[]): string =>
  `${path}: Unsupported value: ${goQuote(value)}: supported values: ${[...values].sort().map(goQuote).join(', ')}`;

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;

export function labelProblem(text: string): string | undefined {
  if (text.length > 63) return 'must be no more than 63 characters';
  if (new RegExp(`^${LABEL}$`).test(text)) return undefined;
  return (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with " +
    `an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '${LABEL}')`
  );
}

export function subdomainProblem(text: string): string | undefined {
  if (text.length > 253) return 'must be no more than 253 characters';
  if (new RegExp(`^${SUBDOMAIN}$`).test(text)) return undefined;
  return (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and " +
    `end with an alphanumeric character (e.g. 'example.com', regex used for validation is '${SUBDOMAIN}')`
  );
}

const QUALIFIED = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';

/** Of a label's or an annotation's name: `tier`, or `example.com/tier`. */
export function qualifiedNameProblem(text: string): string | undefined {
  const [prefix, name = ''] = text.includes('/') ? text.split(/\/(.*)/s) : [undefined, text];
  if (prefix === '') return 'prefix part must be non-empty';
  const outer = prefix === undefined ? undefined : subdomainProblem(prefix);
  if (outer !== undefined) return `prefix part ${outer}`;
  if (name === '') return 'name part must be non-empty';
  if (name.length > 63) return 'name part must be no more than 63 characters';
  if (new RegExp(`^${QUALIFIED}$`).test(name)) return undefined;
  return (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric " +
    `character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '${QUALIFIED}')`
  );
}

export function labelValueProblem(text: string): string | undefined {
  if (text.length > 63) return 'must be no more than 63 characters';
  if (new RegExp(`^(${QUALIFIED})?$`).test(text)) return undefined;
  return (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end " +
    `with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(${QUALIFIED})?')`
  );
}

/** Since 1.32 nearly everything is a name. Source: RelaxedEnvironmentVariableValidation. */
export function envNameProblem(text: string, minor: number): string | undefined {
  if (minor >= 32) {
    if (/^[ -<>-~]+$/.test(text)) return undefined;
    return "a valid environment variable name must consist only of printable ASCII characters other than '='";
  }
  if (/^[-._a-zA-Z][-._a-zA-Z0-9]*$/.test(text) && !/^\.\.?$/.test(text) && !text.startsWith('..')) return undefined;
  return (
    "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start " +
    "with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or 'MyEnvName1', regex used for validation is " +
    "'[-._a-zA-Z][-._a-zA-Z0-9]*')"
  );
}

function shown(value: string | number): string {
  return typeof value === 'string' ? goQuote(value) : String(value);
}
