/** What has to be said of the files that were read: damage, and files that could not be read to their end. */
import type { LogFile } from '../../change/log';
import type { Style } from '../style';
import { safeText } from './text';

export function filesText(files: readonly LogFile[], style: Style): string {
  return files
    .flatMap(({ path, damaged, problem }) => [
      ...(damaged > 0 ? [`${safeText(path)}: ${damaged} damaged ${damaged === 1 ? 'line' : 'lines'} passed over`] : []),
      ...(problem === undefined ? [] : [`${safeText(path)} could not be read to its end: ${safeText(problem)}`]),
    ])
    .map((line) => `${style.yellow('!')} ${line}\n`)
    .join('');
}
