/**
 * Questions to the person at the terminal, a line each. Rule: between two questions it reads nothing, so that an editor has
 * the keyboard to itself; what was typed ahead is not lost.
 */
export interface Terminal {
  /** The line typed; undefined at the end of the input, and when the signal fires. */
  ask(question: string, signal: AbortSignal): Promise<string | undefined>;
}

export function openTerminal(input: NodeJS.ReadableStream, write: (text: string) => void): Terminal {
  const decoder = new TextDecoder();
  let typed = '';
  let ended = false;
  const line = (): string | undefined => {
    const at = typed.indexOf('\n');
    if (at === -1) return undefined;
    const first = typed.slice(0, at);
    typed = typed.slice(at + 1);
    return first.replace(/\r$/, '');
  };
  return {
    ask: (question, signal) =>
      new Promise((resolve) => {
        write(question);
        const ahead = line();
        if (ahead !== undefined || ended || signal.aborted) {
          write('\n');
          resolve(signal.aborted ? undefined : ahead);
          return;
        }
        const done = (answer: string | undefined): void => {
          input.off('data', onData);
          input.off('end', onEnd);
          input.off('error', onEnd);
          signal.removeEventListener('abort', onAbort);
          input.pause();
          resolve(answer);
        };
        const onData = (chunk: Uint8Array): void => {
          typed += decoder.decode(chunk, { stream: true });
          const answer = line();
          if (answer !== undefined) done(answer);
        };
        const onEnd = (): void => {
          ended = true;
          write('\n');
          done(undefined);
        };
        const onAbort = (): void => {
          write('\n');
          done(undefined);
        };
        input.on('data', onData);
        input.on('end', onEnd);
        input.on('error', onEnd);
        signal.addEventListener('abort', onAbort);
        input.resume();
      }),
  };
}
