/** The words in which Kubernetes refuses a field. Source: apimachinery/pkg/util/validation/{field/errors,validation}.go. */
import { goQuote } from '../../../core/policy/go-text';

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

function shown(value: string | number): string {
  return typeof value === 'string' ? goQuote(value) : String(value);
}
