/** The words of $EDITOR, as a shell would split them; no shell ever sees them. */
import { UserError } from '../errors';

/**
 * Blanks separate words; single and double quotes and backslashes keep them together.
 * @param name of the variable, for the error.
 * @throws UserError `editor-not-simple` for what only a shell could make sense of, and for an open quote.
 */
export function splitWords(text: string, name: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote: string | undefined;
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    if (quote === "'") {
      if (char === quote) quote = undefined;
      else word = (word ?? '') + char;
    } else if (char === '\\' && at + 1 < text.length) {
      const next = text.charAt(++at);
      // Inside double quotes a backslash only quotes these.
      word = (word ?? '') + (quote === '"' && !'"\\$`'.includes(next) ? char + next : next);
    } else if ('$`'.includes(char) || (quote === undefined && '|&;<>()*?[~#\n'.includes(char))) {
      throw notSimple(name, text, `\`${char}\` would need a shell`);
    } else if (char === quote) quote = undefined;
    else if (quote === undefined && (char === '"' || char === "'")) {
      quote = char;
      word ??= '';
    } else if (quote === undefined && /\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + char;
  }
  if (quote !== undefined) throw notSimple(name, text, `the quote ${quote} is not closed`);
  if (word !== undefined) words.push(word);
  return words;
}

function notSimple(name: string, text: string, why: string): UserError {
  return new UserError('editor-not-simple', `$${name} cannot be used as it stands (${text}): ${why}`, {
    hints: [`export ${name}=vi`, `or put it into a script of your own, and name that in ${name}`],
  });
}
