/**
 * The API server's process, from its flags to its end, in the order of the real one: flags, validation, port,
 * certificates, who may ask, audit policy, audit log, webhook, admission, etcd. Each step can end it with its own words.
 */
import type { Container } from '../container';
import { messageOf } from '../../core/errors';
import { authenticator } from './access/authenticator';
import { authorizer } from './access/authorizer';
import { setUpAccess, type AccessSetup } from './access/setup';
import { issueToken, tokenOwner, type TokenKeys } from './access/tokens';
import { setUpAdmission } from './admission';
import type { Auditor } from './audit/auditor';
import { auditOptions } from './audit/options';
import { setUpAudit } from './audit/setup';
import { microClock } from './clock';
import type { Front, OpenRest, RestApi } from './contract';
import { etcdOptions, tellOfRefusals } from './etcd-dial';
import { ContainerFiles } from './files';
import { parseFlags, type Flags } from './flags/parse';
import { validationError } from './flags/validate';
import { Handler } from './handler';
import { Health } from './health';
import { Klog } from './klog';
import { localPaths } from './local';
import { Metrics } from './metrics';
import { Listener, readServingFiles } from './serving';
import { StartFailure, tellFailure } from './start-failure';
import { versionOf, type ServerVersion } from './version';

export interface ServerOptions {
  container: Container;
  /** The program's arguments, without its name. */
  args: readonly string[];
  pid: number;
  /** When the process began; milliseconds since the epoch. */
  startedAt: number;
  stdout: (text: string) => void;
  stderr: (text: string) => void;
  /** SIGTERM. */
  stop: AbortSignal;
}

/** How long a server that was told to stop lives on when nobody kills it; divided by the node's speed. */
const LINGER_MS = 60_000;

/** Runs until it fails or was told to stop and its time is over. @returns the exit code. */
export async function runServer(options: ServerOptions, { openRest }: { openRest: OpenRest }): Promise<number> {
  const version = versionOf(options.container.image);
  const klog = new Klog(options.stderr);
  const parsed = parseFlags(options.args, version.minor);
  if (parsed.kind === 'help') {
    options.stdout('The Kubernetes API server of a sandbox.\n\nUsage:\n  kube-apiserver [flags]\n');
    return 0;
  }
  for (const note of parsed.deprecated) klog.plain(note);
  if (parsed.kind === 'error') {
    klog.plain(`Error: ${parsed.message}`);
    return 1;
  }
  const { flags } = parsed;
  if (flags.has('version')) {
    options.stdout(`Kubernetes ${version.git}\n`);
    return 0;
  }
  const server = new ApiServer(options, version, flags, klog, openRest);
  try {
    await server.start();
  } catch (error) {
    await server.close();
    if (!(error instanceof StartFailure)) throw error;
    return tellFailure(error, klog, version.minor);
  }
  await server.untilEnd();
  return 0;
}

class ApiServer {
  readonly #options: ServerOptions;
  readonly #version: ServerVersion;
  readonly #flags: Flags;
  readonly #klog: Klog;
  readonly #openRest: OpenRest;
  readonly #files: ContainerFiles;
  readonly #metrics: Metrics;
  readonly #now = microClock();
  #listener: Listener | undefined;
  #rest: RestApi | undefined;
  #auditor: Auditor | undefined;
  #handler: Handler | undefined;
  #startedHooks = false;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(options: ServerOptions, version: ServerVersion, flags: Flags, klog: Klog, openRest: OpenRest) {
    this.#options = options;
    this.#version = version;
    this.#flags = flags;
    this.#klog = klog;
    this.#openRest = openRest;
    this.#files = new ContainerFiles(options.container);
    this.#metrics = new Metrics(options.startedAt);
  }

  async start(): Promise<void> {
    this.#validate();
    this.#klog.info(this.#place('server.go:187', 'server.go:182'), `Version: ${this.#version.git}`);
    this.#listener = await step(() => this.#listen());
    const serving = await step(() =>
      readServingFiles(this.#flags.string('tls-cert-file'), this.#flags.string('tls-private-key-file'), this.#files),
    );
    const access = await step(() => setUpAccess(this.#flags, this.#files));
    this.#auditor = await step(() => this.#audit());
    await step(() => {
      setUpAdmission(this.#flags, this.#files, this.#klog, this.#version.minor);
    });
    const rest = await this.#etcd(access);
    this.#rest = rest;

    const modes = this.#flags.list('authorization-mode', ['AlwaysAllow']);
    const handler = new Handler({
      authenticate: authenticator({
        ...access.options,
        minor: this.#version.minor,
        now: () => Date.now(),
        anonymous: this.#flags.boolean('anonymous-auth', true) && !modes.includes('AlwaysAllow'),
        reviewToken: (token) => this.#front(access.keys).reviewToken(token, [])?.user,
      }),
      authorize: authorizer(modes, rest.objects.bind(rest)),
      local: this.#local(rest),
      rest,
      metrics: this.#metrics,
      klog: this.#klog,
      now: this.#now,
      ...(this.#auditor ? { auditor: this.#auditor } : {}),
    });
    this.#handler = handler;
    const minVersion = this.#flags.string('tls-min-version') === 'VersionTLS13' ? 'TLSv1.3' : 'TLSv1.2';
    this.#listener.serve(serving, access.bundles, minVersion, (request, response) => {
      void handler.handle(request, response);
    });
    this.#klog.info(
      this.#place('secure_serving.go:211', 'secure_serving.go:197'),
      `Serving securely on ${this.#address()}`,
    );
    this.#finishHooks();
  }

  /** Waits for the signal, stops serving, and lives on until it is killed or its time is over. */
  async untilEnd(): Promise<void> {
    const { stop, container } = this.#options;
    if (!stop.aborted) {
      await new Promise((resolve) => {
        stop.addEventListener('abort', resolve, { once: true });
      });
    }
    const { speed } = container.timings;
    const delay = this.#flags.duration('shutdown-delay-duration', 0);
    if (delay > 0) await this.#wait(delay / speed);
    this.#klog.info(
      this.#place('genericapiserver.go:700', 'controller.go:181'),
      'Shutting down kubernetes service endpoint reconciler',
    );
    this.#listener?.stopListening();
    this.#klog.info(
      this.#place('secure_serving.go:258', 'secure_serving.go:241'),
      `Stopped listening on ${this.#address()}`,
    );
    this.#handler?.stop();
    const end = Date.now() + LINGER_MS / speed;
    let flushed = false;
    while (Date.now() < end) {
      await this.#wait(Math.min(50, LINGER_MS / speed));
      this.#listener?.closeIdle();
      // What a batch still holds goes out before somebody loses patience and kills.
      if (!flushed && this.#handler?.active === 0) {
        flushed = true;
        await this.#auditor?.close();
      }
    }
    await this.close();
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#handler?.stop();
    this.#listener?.closeAll();
    await this.#auditor?.close();
    await this.#rest?.close();
  }

  #validate(): void {
    const port = this.#flags.string('insecure-port', '0');
    if (port !== '0') throw new StartFailure(`invalid port value ${port}: only zero is allowed`);
    const problem = validationError(this.#flags, this.#version.minor);
    if (this.#flags.string('external-hostname') === '') {
      const host = this.#flags.string('advertise-address', '127.0.0.1');
      this.#klog.info(this.#place('options.go:263', 'server.go:632'), `external host was not specified, using ${host}`);
    }
    if (problem !== undefined) throw new StartFailure(problem);
  }

  #listen(): Promise<Listener> {
    const { container, pid } = this.#options;
    const port = this.#flags.integer('secure-port', 6443);
    return Listener.open(this.#flags.string('bind-address', '0.0.0.0'), port, container.runDir, pid);
  }

  #audit(): Auditor | undefined {
    return setUpAudit(auditOptions(this.#flags, this.#version.minor), {
      files: this.#files,
      klog: this.#klog,
      metrics: this.#metrics,
      minor: this.#version.minor,
      now: this.#now,
      stdout: this.#options.stdout,
    });
  }

  async #etcd({ keys, clusterCa }: AccessSetup): Promise<RestApi> {
    const { container } = this.#options;
    const { minor } = this.#version;
    const failed = (error: unknown) =>
      minor >= 24
        ? new StartFailure(
            `Error creating leases: error creating storage factory: ${messageOf(error)}`,
            'fatal',
            'instance.go:233',
          )
        : new StartFailure(messageOf(error));
    let stopTelling = () => {
      // nothing is told yet
    };
    try {
      const etcd = etcdOptions(this.#flags, this.#files, container.timings.etcdDial);
      stopTelling = tellOfRefusals(this.#flags, this.#klog, minor);
      return await this.#openRest({
        gitVersion: this.#version.git,
        etcd,
        bootstrap: true,
        front: this.#front(keys),
        ...(clusterCa === undefined ? {} : { clusterCa }),
      });
    } catch (error) {
      throw failed(error);
    } finally {
      stopTelling();
    }
  }

  #front(keys: TokenKeys): Front {
    const objects: RestApi['objects'] = (group, resource) => this.#rest?.objects(group, resource) ?? [];
    const authorize = authorizer(this.#flags.list('authorization-mode', ['AlwaysAllow']), objects);
    return {
      authorize,
      issueToken: (wish) => issueToken(keys, wish, Date.now(), this.#version.minor),
      reviewToken: (token, audiences) => tokenOwner(keys, token, audiences, objects, Date.now()),
    };
  }

  #local(rest: RestApi) {
    const { startedAt, stop } = this.#options;
    const state = {
      started: () => this.#startedHooks,
      stopping: () => stop.aborted,
      etcd: () => rest.healthy(),
    };
    return localPaths({
      health: new Health(state, this.#version.minor),
      metrics: this.#metrics,
      flags: this.#flags,
      version: this.#version,
      startedAt,
      now: () => Date.now(),
    });
  }

  /** What the real one does after it has begun to answer takes the rest of the time to readiness. */
  #finishHooks(): void {
    const { startedAt, container } = this.#options;
    const left = Math.max(0, startedAt + container.timings.serverStart - Date.now());
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#startedHooks = true;
    }, left);
    this.#timers.add(timer);
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        resolve();
      }, ms);
      this.#timers.add(timer);
    });
  }

  #address(): string {
    const address = this.#flags.string('bind-address', '0.0.0.0');
    return `${address === '0.0.0.0' ? '[::]' : address}:${this.#flags.integer('secure-port', 6443)}`;
  }

  /** Where a line of the log comes from, in new sources and in those of 1.20. */
  #place(now: string, then: string): string {
    return this.#version.minor >= 24 ? now : then;
  }
}

/** A step of the start: what it throws are the server's words. */
async function step<T>(run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof StartFailure || !(error instanceof Error)) throw error;
    throw new StartFailure(error.message);
  }
}
