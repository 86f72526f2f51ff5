/** Questions at a terminal: a line each; between two of them nothing is read. */
import { PassThrough } from 'node:stream';
import { openTerminal } from '../../src/system/terminal';

const NEVER = new AbortController().signal;

function terminal() {
  const input = new PassThrough();
  let written = '';
  const opened = openTerminal(input, (text) => void (written += text));
  return { input, ask: (signal = NEVER) => opened.ask('now? ', signal), written: () => written };
}

test('a line is an answer; what was typed ahead is the next one, and is not read away from an editor in between', async () => {
  const { input, ask, written } = terminal();
  const first = ask();
  input.write('e\nd\n');
  expect(await first).toBe('e');
  expect(input.isPaused()).toBe(true);
  expect(await ask()).toBe('d');
  const third = ask();
  input.write('a');
  input.write('\r\n');
  expect(await third).toBe('a');
  expect(written()).toBe('now? now? \nnow? ');
});

test('the end of the input is no answer, and stays none', async () => {
  const { input, ask } = terminal();
  const answer = ask();
  input.end('half a line');
  expect(await answer).toBeUndefined();
  expect(await ask()).toBeUndefined();
});

test('Ctrl-C is no answer, before the question and while it waits; nothing listens afterwards', async () => {
  const { input, ask } = terminal();
  const stop = new AbortController();
  const answer = ask(stop.signal);
  stop.abort();
  expect(await answer).toBeUndefined();
  expect(await ask(stop.signal)).toBeUndefined();
  expect(['data', 'end', 'error'].map((event) => input.listenerCount(event))).toEqual([0, 0, 0]);
});
