/**
 * The user's editor: $VISUAL, $EDITOR, or what the system has. Rule: its words are an argument array, no shell reads them;
 * while it runs the terminal is its own.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { splitWords } from '../core/edit/words';
import { messageOf, UserError } from '../core/errors';
import type { Editor } from '../change/edit';
import { hasCode } from './file-errors';

/** Debian's choice of the user, then what is nearly everywhere. */
const USUAL = ['sensible-editor', 'vi', 'nano'];

export interface EditorOptions {
  root: string;
  /** The environment that it runs in, too. */
  env: NodeJS.ProcessEnv;
  /** Standard output of the editor: a terminal, even where the answer goes into a file. */
  output: number;
  /** Called while it runs: a Ctrl-C is then the editor's. Ends with the function it answers. */
  hold: () => () => void;
}

export function createEditor({ root, env, output, hold }: EditorOptions): Editor {
  const chosen = (['VISUAL', 'EDITOR'] as const).find((name) => (env[name] ?? '').trim() !== '');
  const words = chosen === undefined ? [] : splitWords(env[chosen] ?? '', chosen);
  const programs = words.length > 0 ? [words] : USUAL.map((program) => [program]);
  return {
    name: words[0] ?? 'the editor',
    locate: (path) => join(root, path),
    async open(path) {
      const release = hold();
      try {
        for (const [program = '', ...args] of programs) {
          const ended = await run(program, [...args, join(root, path)], { output, env });
          if (ended !== 'not-there') return ended;
        }
      } finally {
        release();
      }
      throw new UserError('editor-not-found', `there is no editor: ${programs.map(([each]) => each).join(', ')}`, {
        hints: [
          chosen === undefined ? 'export EDITOR=/path/of/your/editor' : `$${chosen} names it: export ${chosen}=vi`,
          'sudo passes EDITOR on only when told to: sudo --preserve-env=EDITOR kube-auditctl edit',
        ],
      });
    },
  };
}

type Ended = Awaited<ReturnType<Editor['open']>>;

function run(
  program: string,
  args: readonly string[],
  { output, env }: Pick<EditorOptions, 'output' | 'env'>,
): Promise<Ended | 'not-there'> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { env, stdio: ['inherit', output, 'inherit'] });
    child.once('error', (error) => {
      if (hasCode(error, 'ENOENT')) resolve('not-there');
      else resolve({ state: 'failed', how: `could not be started: ${messageOf(error)}` });
    });
    child.once('close', (code, signal) => {
      if (signal !== null) resolve({ state: 'failed', how: `was ended by ${signal}` });
      else if (code !== 0) resolve({ state: 'failed', how: `ended with exit code ${code ?? -1}` });
      else resolve({ state: 'ended' });
    });
  });
}
