/** Texts in HTML. Rule: nothing gets into the page but through here. */
import { safeText } from '../text';

export function esc(text: string | number): string {
  return safeText(String(text)).replace(/[&<>"'`=]/g, (character) => `&#${character.codePointAt(0) ?? 0};`);
}
