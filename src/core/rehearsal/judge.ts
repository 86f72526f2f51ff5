/**
 * How a rehearsal went. Rule: only a difference between the planned arguments and today's counts. Both fail alike where a
 * trial cannot be like the real thing, and that says nothing against the change; unless the words are such that no trial
 * could be blamed for them. Then the server that runs lives on what it read before, and a restart would be its last.
 */
import { diagnose, type Scene } from '../diagnosis/diagnose';
import { logFinding } from '../diagnosis/rules/audit-log-unusable';
import { unreachable } from '../errors';
import type { Finding } from '../finding';
import { lastWords } from '../klog';
import type { RehearsalReport } from '../outcome';
import { versionOf, type TrialEnd } from './trial';

export interface RehearsalFacts {
  manifestPath: string;
  /** As the image's tag tells it; the server's own word goes before it. */
  version: string | undefined;
  scene: Scene['facts'];
  /** A server with exactly today's arguments listens, and every file that it reads can be shown to a trial as it is. */
  comparable: boolean;
}

/** How the planned arguments fared; `undecided` needs the control. */
export type Judgement = Omit<RehearsalReport, 'ms'> | { undecided: Finding; version?: string };

export function judgeTrial(end: TrialEnd, facts: RehearsalFacts): Judgement {
  const version = ('lines' in end ? versionOf(end.lines) : undefined) ?? facts.version;
  const server = `the node's own kube-apiserver${version === undefined ? '' : ` ${version}`}`;
  const about = version === undefined ? {} : { version };
  switch (end.state) {
    case 'not-possible':
      return { state: 'not-possible', summary: `not rehearsed: ${end.why}`, ...about, ...imageCause(end, facts) };
    case 'lives':
      if (end.logProblem !== undefined)
        return { undecided: logCause(facts.scene.logPath ?? '', end.logProblem), ...about };
      return end.reached === 'nothing'
        ? { state: 'not-possible', summary: `not rehearsed: ${server} gave no sign in time`, ...about }
        : { state: 'accepted', summary: `${server} accepts the new arguments`, ...about };
    case 'unmountable':
      return { undecided: volumeCause(end), ...about };
    case 'ended':
      // Killed from outside, by whoever: nothing it would have said of itself.
      return end.signal === null
        ? { undecided: causeOf(end, facts, version), ...about }
        : { state: 'not-possible', summary: `not rehearsed: ${server} was ended by ${end.signal}`, ...about };
    default:
      return unreachable(end);
  }
}

/** The last word, now that today's arguments were tried as well. */
export function judgeControl(
  planned: { undecided: Finding; version?: string },
  end: TrialEnd,
  facts: RehearsalFacts,
): Omit<RehearsalReport, 'ms'> {
  const control = judgeTrial(end, facts);
  const about = planned.version === undefined ? {} : { version: planned.version };
  const cause = planned.undecided;
  if ('undecided' in control && sameCause(control.undecided, cause)) {
    if (facts.comparable && OF_TODAYS_FILES.test(cause.code)) return { ...wouldNotStartAgain(cause), ...about };
    return {
      state: 'not-possible',
      summary: `not rehearsed: today's arguments fail in the same way: ${cause.title}`,
      control: 'rejected',
      cause: { ...cause, severity: 'warning' },
      ...about,
    };
  }
  if (!('undecided' in control) && control.state === 'not-possible') {
    const warning: Finding = { ...cause, severity: 'warning' };
    return {
      state: 'not-possible',
      summary: `today's arguments could not be compared: ${control.summary}`,
      cause: warning,
      ...about,
    };
  }
  const name = planned.version === undefined ? 'kube-apiserver' : `kube-apiserver ${planned.version}`;
  return {
    state: 'rejected',
    summary: `the node's own ${name} refuses the new arguments`,
    control: 'undecided' in control ? 'rejected' : 'accepted',
    cause,
    ...about,
  };
}

/** Causes whose words speak of the files and arguments themselves. */
const OF_TODAYS_FILES =
  /^(?:certificate-.*|audit-policy-.*|audit-log-.*|unknown-flag|invalid-flag-value|volume-not-mountable)$/;

/** What runs, runs on what it read when it started: the files have changed since, and any restart would fail. */
export function wouldNotStartAgain(cause: Finding): Omit<RehearsalReport, 'ms'> {
  return {
    state: 'rejected',
    summary: 'the API server that runs would not start again with today\u2019s files',
    control: 'rejected',
    cause: {
      ...cause,
      severity: 'error',
      title: `the API server that runs would not start again with today\u2019s files: ${cause.title}`,
      remedy: [
        ...cause.remedy,
        'until then do not restart it, nor this node: what runs has read these files when they were right, and there is no way back',
      ],
    },
  };
}

function sameCause(a: Finding, b: Finding): boolean {
  return a.code === b.code && a.title === b.title;
}

/** The same rules that name the cause while a real server fails. */
function causeOf(
  end: Extract<TrialEnd, { state: 'ended' }>,
  { manifestPath, scene }: RehearsalFacts,
  version: string | undefined,
): Finding {
  const lines = end.lines.map((text) => ({ at: 0, text }));
  const path = `rehearsal with kube-apiserver${version === undefined ? '' : ` ${version}`}`;
  const log = { uid: 'rehearsal', container: 'kube-apiserver', restart: 0, path, lines };
  const { certain, doubt } = diagnose({
    at: 0,
    writtenAt: 0,
    manifestPath,
    logs: [log],
    kubelet: [],
    running: [],
    oldAlive: false,
    starts: 2,
    ignored: false,
    facts: scene,
  });
  const words = lastWords(end.lines);
  if (words && (certain ?? doubt)) return (certain ?? doubt) as Finding;
  return {
    code: 'server-refused',
    severity: 'error',
    title: `kube-apiserver ends at once, with exit code ${end.code ?? 'unknown'}${words ? `: ${words.reason}` : ''}`,
    detail: [path, ...end.lines.slice(-5).map((line) => `  ${line}`)].join('\n'),
    remedy: ['correct what it names in the manifest, then apply it again'],
  };
}

/** Nothing is pulled for a trial; but the kubelet would have to, while no API server runs. */
function imageCause({ why }: { why: string }, { scene: { image } }: RehearsalFacts): { cause?: Finding } {
  if (image === undefined || !/^ctr: .*not found/s.test(why)) return {};
  return {
    cause: {
      code: 'image-not-on-node',
      severity: 'warning',
      title: `the image ${image} is not on this node`,
      detail: 'The kubelet would pull it after the server that runs has ended; where it cannot, there is none.',
      remedy: [`crictl pull ${image}`],
    },
  };
}

function logCause(path: string, problem: string): Finding {
  const title = `opening ${path} as the container would: ${problem}`;
  return logFinding(path, problem, title);
}

function volumeCause({ mount, why }: Extract<TrialEnd, { state: 'unmountable' }>): Finding {
  return {
    code: 'volume-not-mountable',
    severity: 'error',
    title: `the kubelet could not mount ${mount.mountPath}: ${why}`,
    detail: `the mount at ${mount.mountPath} is of the hostPath ${mount.source ?? ''}${mount.type === undefined ? '' : `, type: ${mount.type}`}`,
    remedy: [`ls -ld ${mount.source ?? ''}`, 'put there what the type asks for, or change the hostPath\u2019s type'],
  };
}
