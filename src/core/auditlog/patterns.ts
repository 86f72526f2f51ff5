/**
 * Values as filters take them: several are alternatives, `!value` is none of them, `*` stands for any run of characters.
 * `a,b` are two values; a comma in a value is written `\,`.
 */

export interface TextTest {
  test: (text: string) => boolean;
  /**
   * What matches in an early stage of a request matches in a later one too, where the text may have been filled in: only
   * values that are wanted, none of them empty; or "not empty".
   */
  stable: boolean;
}

/** Splits `a,b\,c` into `a` and `b,c`. */
export function splitValues(values: readonly string[]): string[] {
  return values.flatMap((value) => value.split(/(?<!\\),/).map((part) => part.replaceAll('\\,', ',')));
}

/** @param single makes one value (without its `!`) a test. */
export function textTest(
  values: readonly string[],
  single: (value: string) => (text: string) => boolean = exactOrGlob,
): TextTest {
  const all = splitValues(values);
  const wanted = all.filter((value) => !value.startsWith('!')).map(single);
  const unwanted = all.filter((value) => value.startsWith('!')).map((value) => single(value.slice(1)));
  return {
    stable: all.every((value) => (value.startsWith('!') ? value === '!' : value !== '')),
    test: (text) => (wanted.length === 0 || wanted.some((test) => test(text))) && !unwanted.some((test) => test(text)),
  };
}

/** For lists: one of its items is wanted, none is unwanted. */
export function listTest(
  values: readonly string[],
  single: (value: string) => (text: string) => boolean = exactOrGlob,
): (items: readonly string[]) => boolean {
  const all = splitValues(values);
  const wanted = all.filter((value) => !value.startsWith('!')).map(single);
  const unwanted = all.filter((value) => value.startsWith('!')).map((value) => single(value.slice(1)));
  return (items) =>
    (wanted.length === 0 || wanted.some((test) => items.some(test))) && !unwanted.some((test) => items.some(test));
}

export function exactOrGlob(value: string): (text: string) => boolean {
  if (!value.includes('*')) return (text) => text === value;
  const parts = value.split('*');
  return (text) => matchesParts(text, parts);
}

/** Without backtracking: a pattern is the user's, but its text is anybody's. */
function matchesParts(text: string, parts: readonly string[]): boolean {
  const first = parts[0] ?? '';
  const last = parts.at(-1) ?? '';
  if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length) return false;
  let at = first.length;
  const end = text.length - last.length;
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, at);
    if (found === -1 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}
