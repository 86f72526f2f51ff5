/**
 * Proof instead of belief: a request of ours, chosen so that the policy must log it, has to appear in the file that the
 * host sees; and a Secret's value must not. /readyz knows nothing of audit logging: it is green with a full disk.
 */
import { messageOf } from '../core/errors';
import type { ServerProcess } from '../core/evidence';
import type { Finding } from '../core/finding';
import type { ProofReport } from '../core/outcome';
import { chooseCanary, secretProbe, type Canary } from '../core/policy/canary';
import { loadPolicy } from '../core/policy/load';
import type { Policy } from '../core/policy/types';
import { base64 } from './base64';
import { decodeText, type Described } from './manifest';
import type { LogTail, Ports } from './ports';

export const SKIPPED: ProofReport = {
  state: 'skipped',
  summary: 'not verified (--no-verify); to do it now: kube-auditctl verify',
};

const POLICY_LIMIT = 16 << 20;
const LOOK_EVERY_MS = 50;
/** The log backend writes before it answers; batch mode and a slow disk get this long. */
const PATIENCE_MS = 10_000;

/** Never throws; what cannot be proven is said with its reason. */
export async function proveAudit(ports: Ports, server: Described, process?: ServerProcess): Promise<ProofReport> {
  const { policy, log } = server.audit;
  if (!policy && !log) return { state: 'skipped', summary: 'audit logging is off in this manifest' };
  if (!policy)
    return failed(silent('no-policy', 'no --audit-policy-file is set: the API server logs nothing', PATH_REMEDY));
  if (!log) return notPossible('events go to a webhook only: there is no log on this node to look into');
  if (policy.hostPath === undefined) return notPossible(`the policy ${policy.containerPath} does not lie on this node`);
  try {
    const loaded = await readPolicy(ports, policy.hostPath);
    const path = log.containerPath === '-' ? await stdoutLog(ports, server, process) : log.hostPath;
    if (path === undefined) {
      return failed(
        silent(
          'log-not-on-host',
          `the audit log ${log.containerPath} is written inside the container, where it is lost at the next restart`,
          ['mount the folder of the log from the host: kube-auditctl enable does it'],
        ),
      );
    }
    return await prove(ports, server, loaded, path);
  } catch (error) {
    return notPossible(messageOf(error));
  }
}

const PATH_REMEDY = ['kube-auditctl enable --preset recommended'];

async function prove(ports: Ports, server: Described, policy: Policy, path: string): Promise<ProofReport> {
  const { node, clock } = ports;
  const identity = await node.identity();
  if (!identity)
    return notPossible('this node has no admin certificate to send a request with (/etc/kubernetes/admin.conf)');
  const token = clock.token(8);
  const choice = chooseCanary(policy, identity, token);
  if (!choice.canary) {
    return policy.rules.every((rule) => rule.level === 'None')
      ? failed(silent('logs-nothing', 'the policy logs nothing at all', ['kube-auditctl enable --preset recommended']))
      : notPossible(`the policy logs no request that could harmlessly be sent as ${identity.user}: ${choice.whyNot}`);
  }
  const tail = await node.tail(path);
  try {
    const auditId = `kube-auditctl-${token}`;
    const canary = await sendCanary(ports, server, tail, choice.canary, auditId);
    const facts = {
      canary: {
        auditId,
        request: `${choice.canary.method} ${choice.canary.path}`,
        level: choice.canary.level,
        ...(canary.found ? { foundAfterMs: canary.found.afterMs, event: canary.found.event } : {}),
      },
      logPath: path,
    };
    if (!canary.found) return failed(noEvent(path, canary.answered, facts.canary.request), facts);
    const mismatch = otherPolicy(canary.found.event, choice.canary, server);
    if (mismatch) return failed(mismatch, facts);
    const secret = await probeSecret(ports, server, tail, policy, identity);
    if (secret.state === 'leaked') return { ...failed(leak(), facts), secret };
    const seconds = (canary.found.afterMs / 1000).toFixed(2);
    return {
      state: 'proven',
      summary: `event ${auditId} (${facts.canary.request}) found in ${path} after ${seconds} s`,
      ...facts,
      secret,
    };
  } finally {
    await tail.close();
  }
}

interface Found {
  event: { level?: unknown; stage?: unknown };
  afterMs: number;
  line: string;
}

async function sendCanary(ports: Ports, server: Described, tail: LogTail, canary: Canary, auditId: string) {
  const sentAt = ports.clock.now();
  const answered = await send(ports, server, { ...canary, headers: { ...canary.headers, 'Audit-ID': auditId } });
  // The stage that was predicted, so that what is compared with the policy is the event it speaks of.
  const found = await awaitEvent(ports, tail, auditId, canary.stage, sentAt);
  return { answered, found };
}

async function send(
  ports: Ports,
  server: Described,
  request: { method: string; path: string; headers?: Record<string, string>; body?: string },
): Promise<string> {
  try {
    const { status } = await ports.node.request(server.endpoint, { ...request, timeoutMs: 10_000 });
    return `HTTP ${status}`;
  } catch (error) {
    return messageOf(error);
  }
}

async function awaitEvent(
  ports: Ports,
  tail: LogTail,
  auditId: string,
  stage: string,
  sentAt: number,
): Promise<Found | undefined> {
  const { clock, interrupts } = ports;
  for (;;) {
    for (const line of await tail.next()) {
      if (!line.includes(auditId)) continue;
      const event = parseEvent(line);
      if (event?.stage === stage) return { event, afterMs: clock.now() - sentAt, line };
    }
    if (clock.now() - sentAt >= PATIENCE_MS || interrupts.first.aborted) return undefined;
    await clock.sleep(LOOK_EVERY_MS, interrupts.first);
  }
}

/** A line of the log file, or one of a container log (`-` as log path) with its header before the JSON. */
function parseEvent(line: string): { level?: unknown; stage?: unknown } | undefined {
  const start = line.indexOf('{');
  try {
    return start === -1 ? undefined : (JSON.parse(line.slice(start)) as { level?: unknown; stage?: unknown });
  } catch {
    return undefined;
  }
}

/** A Secret that is never stored (dry run) and whose value must not be found in what is logged of it. */
async function probeSecret(
  ports: Ports,
  server: Described,
  tail: LogTail,
  policy: Policy,
  identity: { user: string; groups: string[] },
): Promise<NonNullable<ProofReport['secret']>> {
  const decision = secretProbe(policy, identity);
  if (decision.level === 'None')
    return { state: 'not-logged', detail: 'the policy does not log the creation of Secrets' };
  const stage = ['ResponseComplete', 'RequestReceived'].find(
    (each) => !(decision.omitStages as readonly string[]).includes(each),
  );
  if (stage === undefined) return { state: 'not-logged', detail: 'the policy omits every stage of it' };
  const token = ports.clock.token(8);
  const marker = ports.clock.token(24);
  const auditId = `kube-auditctl-secret-${token}`;
  const sentAt = ports.clock.now();
  const answered = await send(ports, server, {
    method: 'POST',
    path: '/api/v1/namespaces/default/secrets?dryRun=All',
    headers: { 'Audit-ID': auditId, 'Content-Type': 'application/json' },
    body: JSON.stringify({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: `kube-auditctl-${token}` },
      type: 'Opaque',
      data: { marker: base64(marker) },
    }),
  });
  const found = await awaitEvent(ports, tail, auditId, stage, sentAt);
  if (!found) return { state: 'not-logged', detail: `no event of the dry-run Secret was found (${answered})` };
  const leaked = found.line.includes(marker) || found.line.includes(base64(marker));
  return { state: leaked ? 'leaked' : 'metadata-only' };
}

async function readPolicy(ports: Ports, path: string): Promise<Policy> {
  const image = await ports.files.read(path, POLICY_LIMIT);
  const loaded = loadPolicy(decodeText(image.bytes, path), { file: path });
  if (!loaded.policy) throw new Error(loaded.serverMessage ?? `${path} is no audit policy`);
  return loaded.policy;
}

/** With `-` the events stand in the container's own log. */
async function stdoutLog(ports: Ports, server: Described, process?: ServerProcess): Promise<string | undefined> {
  const point = await ports.node.watch({
    manifestPath: server.doc.file ?? '',
    podName: server.pod.name,
    namespace: server.pod.namespace,
    endpoint: server.endpoint,
  });
  try {
    const { pods } = await point.look();
    const logs = pods
      .flatMap((pod) => pod.logs)
      .filter((log) => process?.podUid === undefined || log.uid === process.podUid);
    return logs.sort((a, b) => (a.lines.at(-1)?.at ?? 0) - (b.lines.at(-1)?.at ?? 0)).at(-1)?.path;
  } finally {
    await point.close();
  }
}

function notPossible(summary: string): ProofReport {
  return { state: 'not-possible', summary };
}

function failed(cause: Finding, facts: Partial<ProofReport> = {}): ProofReport {
  return { state: 'failed', summary: cause.title, cause, ...facts };
}

function silent(code: string, title: string, remedy: readonly string[]): Finding {
  return { code, severity: 'error', title, remedy };
}

function noEvent(path: string, answered: string, request: string): Finding {
  return {
    code: 'no-event-in-log',
    severity: 'error',
    title: `no event of our request reached ${path} within ${PATIENCE_MS / 1000} s`,
    detail: `${request} was answered with ${answered}; the policy says it is logged.`,
    remedy: [
      `ls -l ${path}`,
      'the log\u2019s folder must be mounted into the container, writable',
      "look for \"Error in audit plugin 'log'\" in the API server's container log",
    ],
  };
}

/** The server decides otherwise than the policy on the disk: it runs another one. */
function otherPolicy(event: { level?: unknown }, canary: Canary, server: Described): Finding | undefined {
  if (event.level === canary.level) return undefined;
  return {
    code: 'other-policy-runs',
    severity: 'error',
    title: `the API server does not run the policy at ${server.audit.policy?.hostPath ?? ''}`,
    detail: `${canary.method} ${canary.path} was logged at ${String(event.level)}; by that policy it is ${canary.level}.`,
    remedy: ['kube-auditctl enable', 'the server reads its policy once, when it starts'],
  };
}

function leak(): Finding {
  return {
    code: 'secret-in-log',
    severity: 'error',
    title: 'the value of a Secret was found in the audit log',
    detail: 'A Secret that was never stored (dry run) was logged with its data.',
    remedy: [
      'log Secrets, ConfigMaps and TokenReviews at level Metadata, by a rule before the one that catches them now',
    ],
  };
}
