/** Answers of the server by number: `403`, `4xx`, `>=400`, `200-299`. */
import { UserError } from '../errors';

/** A test over the code as text; `NaN` (there is none) is no code at all. @throws {UserError} `bad-code`. */
export function codeTest(value: string): (text: string) => boolean {
  const exact = /^\d{3}$/.exec(value);
  if (exact) return (text) => text === value;
  const family = /^([1-5])xx$/i.exec(value);
  if (family) return (text) => text.length === 3 && text.startsWith(family[1] ?? '');
  const range = /^(\d{3})-(\d{3})$/.exec(value);
  if (range) return (text) => Number(text) >= Number(range[1]) && Number(text) <= Number(range[2]);
  const compared = /^(>=|<=|>|<|=|==)\s*(\d{3})$/.exec(value);
  const limit = Number(compared?.[2]);
  switch (compared?.[1]) {
    case '>=':
      return (text) => Number(text) >= limit;
    case '<=':
      return (text) => Number(text) <= limit;
    case '>':
      return (text) => Number(text) > limit;
    case '<':
      return (text) => Number(text) < limit;
    case '=':
    case '==':
      return (text) => Number(text) === limit;
    default:
      throw new UserError('bad-code', `this is no status code: ${value}`, {
        hints: ['403, 4xx, ">=400", 200-299, "!2xx"'],
      });
  }
}
