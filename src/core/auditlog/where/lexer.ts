/** The words of a `--where` expression, each with the place where it begins. */
import { UserError } from '../../errors';

export type Token =
  | { kind: 'name' | 'text' | 'operator'; value: string; at: number; end: number }
  | { kind: 'number'; value: number; at: number; end: number }
  | { kind: 'end'; value: ''; at: number; end: number };

const WORD =
  /\s*(?:(?<number>-?\d+(?:\.\d+)?(?![\w]))|(?<name>[A-Za-z_][\w-]*)|(?<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?<operator>==|!=|<=|>=|=~|!~|&&|\|\||[=<>!.,()[\]*]))/y;

/** @throws {UserError} `bad-expression`. */
export function tokens(source: string): Token[] {
  const found: Token[] = [];
  WORD.lastIndex = 0;
  while (WORD.lastIndex < source.trimEnd().length) {
    const start = WORD.lastIndex;
    const match = WORD.exec(source);
    if (!match?.groups)
      throw refusal(source, start + (/^\s*/.exec(source.slice(start))?.[0].length ?? 0), 'this is not understood');
    const { number, name, text, operator } = match.groups;
    const end = WORD.lastIndex;
    const word = number ?? name ?? text ?? operator ?? '';
    const at = end - word.length;
    if (number !== undefined) found.push({ kind: 'number', value: Number(number), at, end });
    else if (name !== undefined) found.push({ kind: 'name', value: name, at, end });
    else if (text !== undefined) found.push({ kind: 'text', value: unquote(source, text, at), at, end });
    else found.push({ kind: 'operator', value: operator ?? '', at, end });
  }
  found.push({ kind: 'end', value: '', at: source.length, end: source.length });
  return found;
}

export function refusal(source: string, at: number, message: string): UserError {
  return new UserError('bad-expression', `--where: ${message}`, {
    place: { line: 1, column: at + 1, lineText: source },
    hints: [
      'user.username == "alice" and verb in ("delete", "patch")',
      'responseStatus.code >= 400 or annotations["authorization.k8s.io/decision"] == "forbid"',
      'requestURI =~ "limit=[0-9]+" and not (userAgent contains "kubectl")',
    ],
  });
}

function unquote(source: string, text: string, at: number): string {
  const inner = text.slice(1, -1);
  if (!inner.includes('\\')) return inner;
  return inner.replace(/\\(u[0-9a-fA-F]{4}|.)/gs, (_all, escape: string) => {
    const known = { n: '\n', t: '\t', r: '\r' }[escape];
    if (known !== undefined) return known;
    if (escape.length === 5) return String.fromCharCode(parseInt(escape.slice(1), 16));
    // A backslash before anything else is for the regular expression.
    if (/[\\"'/]/.test(escape)) return escape;
    if (/[\w.*+?^$()[\]{}|-]/.test(escape)) return `\\${escape}`;
    throw refusal(source, at, `the text has an escape that is none: \\${escape}`);
  });
}
