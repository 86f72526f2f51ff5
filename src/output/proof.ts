/** `verify` for people. */
import type { ProofReport } from '../core/outcome';
import { findingText } from './finding';
import type { Style } from './style';

export function proofText(proof: ProofReport, style: Style): string {
  const lines: string[] = [];
  if (proof.state === 'proven') lines.push(`${style.green('\u2713')} ${proof.summary}`);
  else if (proof.cause) lines.push(findingText(proof.cause, style));
  else lines.push(`${style.yellow('!')} ${proof.summary}`);
  switch (proof.secret?.state) {
    case 'metadata-only':
      lines.push(`${style.green('\u2713')} a dry-run Secret was logged without its value`);
      break;
    case 'leaked':
      lines.push(`${style.red('\u2717')} the value of a dry-run Secret stands in the log`);
      break;
    case 'not-logged':
      lines.push(`${style.yellow('!')} Secrets: ${proof.secret.detail ?? 'not logged'}`);
      break;
    case 'not-tried':
    case undefined:
      break;
  }
  return `${lines.join('\n')}\n`;
}
