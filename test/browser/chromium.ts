/** A headless Chromium, spoken to over its debugging pipe (Chrome DevTools Protocol): no library, no port. */
import { spawn, type ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { tempFolder } from '../support/temp-folder';

type Params = Record<string, unknown>;

export class Browser {
  readonly events: { method: string; params: Params }[] = [];
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (result: Params) => void; reject: (error: Error) => void }>();
  #session: string | undefined;
  #last = 0;

  constructor() {
    const program = process.env.KUBE_AUDITCTL_BROWSER ?? 'chromium';
    const options = [
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--remote-debugging-pipe',
    ];
    this.#child = spawn(program, [...options, `--user-data-dir=${tempFolder()}`, 'about:blank'], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    });
    this.#child.on('error', (error) => {
      for (const { reject } of this.#waiting.values()) reject(error);
    });
    let rest = '';
    (this.#child.stdio[4] as Readable).setEncoding('utf8').on('data', (text: string) => {
      const messages = (rest + text).split('\0');
      rest = messages.pop() ?? '';
      for (const message of messages) this.#heard(JSON.parse(message) as never);
    });
  }

  /** A fresh page; what it does is in `events`. */
  async page(width = 1280, height = 900): Promise<void> {
    this.#session = undefined;
    this.events.length = 0;
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    this.#session = sessionId as string;
    for (const domain of ['Page', 'Runtime', 'Network', 'Log']) await this.send(`${domain}.enable`);
    await this.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });
  }

  async open(url: string): Promise<void> {
    await this.send('Page.navigate', { url });
    while (!this.events.some(({ method }) => method === 'Page.loadEventFired'))
      await new Promise((resolve) => setTimeout(resolve, 10));
  }

  async evaluate(expression: string): Promise<unknown> {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', { expression, returnByValue: true });
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
    return (result as { value?: unknown }).value;
  }

  send(method: string, params: Params = {}): Promise<Params> {
    const id = ++this.#last;
    const message = { id, method, params, ...(this.#session === undefined ? {} : { sessionId: this.#session }) };
    (this.#child.stdio[3] as Writable).write(`${JSON.stringify(message)}\0`);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
    });
  }

  async close(): Promise<void> {
    this.#session = undefined;
    const ended = new Promise((resolve) => this.#child.once('close', resolve));
    await this.send('Browser.close').catch(() => undefined);
    await ended;
  }

  #heard(message: {
    id?: number;
    method?: string;
    params?: Params;
    result?: Params;
    error?: { message: string };
  }): void {
    if (message.id === undefined) {
      if (message.method !== undefined) this.events.push({ method: message.method, params: message.params ?? {} });
      return;
    }
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.error) waiting?.reject(new Error(message.error.message));
    else waiting?.resolve(message.result ?? {});
  }
}
