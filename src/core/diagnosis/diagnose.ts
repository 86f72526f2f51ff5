/**
 * Evidence -> cause, place, remedy. One rule a file, asked in order: the most telling words first, the server's own
 * unknown words as they stand, and only then what can be told from silence. Used by the watch and by doctor alike.
 */
import type { ContainerLog, LogLine, ServerProcess } from '../evidence';
import type { Finding } from '../finding';
import { lastWords, type LastWords } from '../klog';
import { auditEventsLost } from './rules/audit-events-lost';
import { auditLogUnusable } from './rules/audit-log-unusable';
import { auditPolicyRefused } from './rules/audit-policy-refused';
import { auditPolicyUnreadable } from './rules/audit-policy-unreadable';
import { certificateUnreadable } from './rules/certificate-unreadable';
import { containerNotStartable } from './rules/container-not-startable';
import { crashWithoutWords } from './rules/crash-without-words';
import { etcdUnreachable } from './rules/etcd-unreachable';
import { heldBack } from './rules/held-back';
import { imageNotAvailable } from './rules/image-not-available';
import { invalidFlagValue } from './rules/invalid-flag-value';
import { kubeletIgnores } from './rules/kubelet-ignores';
import { manifestRejected } from './rules/manifest-rejected';
import { otherServerRuns } from './rules/other-server-runs';
import { portInUse } from './rules/port-in-use';
import { serverCrashed } from './rules/server-crashed';
import { serverRefused } from './rules/server-refused';
import { unknownFlag } from './rules/unknown-flag';
import { volumeNotMountable } from './rules/volume-not-mountable';

/** What is seen of the new server alone: the old pod's dying words are not in it. */
export interface Scene {
  at: number;
  writtenAt: number;
  manifestPath: string;
  /** Logs of containers started since the write, lines since the write. */
  logs: readonly ContainerLog[];
  kubelet: readonly LogLine[];
  /** Right processes alive now. */
  running: readonly ServerProcess[];
  /** The server of before still lives, listening or not. */
  oldAlive: boolean;
  /** How many right processes have been seen to start. */
  starts: number;
  /** A new server that listens, but with other arguments than the manifest has. */
  stranger?: ServerProcess;
  /** The kubelet has let three polls pass without acting on the manifest. */
  ignored: boolean;
  facts: {
    /** Path of the policy and the log as the container sees them. */
    policyPath?: string;
    policyMounted?: boolean;
    policyHostPath?: string;
    logPath?: string;
    logMounted?: boolean;
    logReadOnly?: boolean;
    /** A folder stood where the log is to be written. */
    logWasFolder?: boolean;
    /** The log's path itself is mounted as a folder. */
    logMountedAsFolder?: boolean;
    /** --etcd-servers of the new manifest. */
    etcdServers: readonly string[];
    /** They differ from what ran before. */
    etcdChanged: boolean;
    wantedArgv: readonly string[];
    image?: string;
  };
}

export interface Diagnosis {
  finding: Finding;
  /** True: waiting longer cannot help. */
  certain: boolean;
}

export type Rule = (scene: Scene) => Diagnosis | undefined;

const RULES: readonly Rule[] = [
  manifestRejected,
  volumeNotMountable,
  imageNotAvailable,
  containerNotStartable,
  unknownFlag,
  invalidFlagValue,
  auditPolicyUnreadable,
  auditPolicyRefused,
  auditLogUnusable,
  portInUse,
  etcdUnreachable,
  certificateUnreadable,
  serverRefused,
  serverCrashed,
  auditEventsLost,
  otherServerRuns,
  heldBack,
  crashWithoutWords,
  kubeletIgnores,
];

/** The first certain cause, and the first one that is only likely. */
export function diagnose(scene: Scene): { certain?: Finding; doubt?: Finding } {
  let doubt: Finding | undefined;
  for (const rule of RULES) {
    const diagnosis = rule(scene);
    if (diagnosis?.certain) return { certain: diagnosis.finding };
    doubt ??= diagnosis?.finding;
  }
  return doubt ? { doubt } : {};
}

/** Every cause that fits, certain ones first; of several that go by the same words the most telling one. */
export function diagnoseAll(scene: Scene): Diagnosis[] {
  const all = RULES.flatMap((rule) => rule(scene) ?? []);
  const telling = all.filter(
    ({ finding }, index) =>
      finding.detail === undefined || all.findIndex((other) => other.finding.detail === finding.detail) === index,
  );
  return [...telling.filter(({ certain }) => certain), ...telling.filter(({ certain }) => !certain)];
}

export interface Words extends LastWords {
  log: ContainerLog;
  /** The container that wrote them is gone: it has said them for good. */
  gone: boolean;
}

/** The last words of the newest container that has any. */
export function newestWords(scene: Scene): Words | undefined {
  const logs = [...scene.logs].sort((a, b) => (b.lines.at(-1)?.at ?? 0) - (a.lines.at(-1)?.at ?? 0));
  for (const log of logs) {
    const words = lastWords(log.lines.map((line) => line.text));
    if (!words) continue;
    const newer = scene.logs.some((other) => other.uid === log.uid && other.restart > log.restart);
    const alive = scene.running.some((process) => process.podUid === undefined || process.podUid === log.uid);
    return { ...words, log, gone: newer || !alive };
  }
  return undefined;
}

/** `path:line` and the line, as evidence below a finding's title. */
export function quoted(words: Words): string {
  return `${words.log.path}\n  ${words.raw}`;
}

/** Kubelet lines about the API server's pod or its manifest, newest last. */
export function kubeletLines(scene: Scene, pattern: RegExp): LogLine[] {
  return scene.kubelet.filter(
    (line) =>
      (line.text.includes('kube-apiserver') || line.text.includes(scene.manifestPath)) && pattern.test(line.text),
  );
}
