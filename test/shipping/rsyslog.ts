/** rsyslogd with docs/shipping/rsyslog.conf: that very file, with other paths and another address. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { needs } from './needs';

/** Debian has it in sbin, which a user's PATH may lack. */
const PROGRAM = ['/usr/sbin/rsyslogd', '/sbin/rsyslogd'].find((path) => existsSync(path)) ?? 'rsyslogd';
const CONFIGURED =
  '/usr/local/lib/kubernetes-audit/rsyslog-send.py --log /var/log/kubernetes/audit/audit*.log ' +
  '--refused /var/lib/kubernetes-audit/refused.jsonl --auth /etc/kubernetes-audit/auth opensearch https://opensearch.example:9200';

export class Rsyslog {
  readonly logs: string;
  readonly refused: string;
  readonly #folder: string;
  #child: ChildProcess | undefined;
  #ended: Promise<unknown> = Promise.resolve();

  constructor(folder: string, kind: 'opensearch' | 'loki' | 'clickhouse', url: string) {
    this.#folder = folder;
    this.logs = join(folder, 'audit');
    this.refused = join(folder, 'refused.jsonl');
    const state = join(folder, 'state');
    for (const path of [this.logs, state]) mkdirSync(path);
    writeFileSync(join(folder, 'auth'), 'audit:secret\n');
    const options = `--log ${this.logs}/audit*.log --refused ${this.refused} --auth ${join(folder, 'auth')} --node node-1 --pause 0.3`;
    const replaced = [
      [CONFIGURED, `${resolve('docs/shipping/rsyslog-send.py')} ${options} ${kind} ${url}`],
      ['/var/log/kubernetes/audit/', `${this.logs}/`],
      ['workDirectory="/var/lib/kubernetes-audit"', `workDirectory="${state}" processInternalMessages="on"`],
    ] as const;
    let config = readFileSync('docs/shipping/rsyslog.conf', 'utf8');
    for (const [from, to] of replaced) {
      if (config.split(from).length !== 2) throw new Error(`rsyslog.conf: not once in it: ${from}`);
      config = config.replace(from, to);
    }
    // What it has to say goes to the journal; here, to a file.
    writeFileSync(this.config, `${config}\n*.* action(type="omfile" file="${this.own}")\n`);
  }

  get config(): string {
    return join(this.#folder, 'rsyslog.conf');
  }
  /** rsyslog's own messages. */
  get own(): string {
    return join(this.#folder, 'own.log');
  }
  messages(): string {
    return existsSync(this.own) ? readFileSync(this.own, 'utf8') : '';
  }

  async start(): Promise<void> {
    needs('python3');
    const child = spawn(PROGRAM, ['-n', '-f', this.config, '-i', join(this.#folder, 'pid')], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (error) => {
        reject(new Error(`rsyslogd is needed: apt-get install rsyslog (${error.message})`));
      });
    });
    this.#child = child;
    this.#ended = new Promise((resolve) => child.once('exit', resolve));
  }

  /** As rsyslog.service has it. */
  async stop(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#ended;
    this.#child = undefined;
  }
}
