/**
 * The sight taken apart as far as it goes: a broken manifest has less to tell, and no part of this throws. Every rule of
 * doctor starts from here.
 */
import { messageOf, UserError, type Place } from '../errors';
import type { LogLine, ServerProcess } from '../evidence';
import { readAudit, type AuditSettings } from '../manifest/audit';
import { parseManifest, type ManifestDocument } from '../manifest/document';
import {
  expectedArgv,
  matchesArgv,
  podIdentity,
  readServer,
  serverEndpoint,
  type PodIdentity,
  type Server,
} from '../manifest/server';
import type { Path } from '../manifest/value';
import { LineIndex } from '../text';
import type { Evidence } from './cause';
import type { NodeSight } from './node-sight';

export interface Patient {
  sight: NodeSight;
  /** Empty when there is no manifest to read. */
  text: string;
  /** Why the manifest cannot be read as a kube-apiserver pod. */
  problem?: UserError;
  doc?: ManifestDocument;
  server?: Server;
  audit?: AuditSettings;
  pod?: PodIdentity;
  /** A flag's value; from a manifest that cannot be parsed as the line that looks like it. */
  flag(name: string): string | undefined;
  /** Servers with exactly the manifest's arguments. */
  right: readonly ServerProcess[];
  /** A right server listens, and this node's /readyz is ok. */
  healthy: boolean;
  /** The manifest cannot be older than this; undefined when there is none. */
  changedAt?: number;
}

/** What of a manifest doctor must know to look further. */
export interface ManifestQuestions {
  endpoint: { host: string; port: number };
  pod: { name: string; namespace: string };
}

export function examineManifest(sight: NodeSight): Patient {
  const text = sight.manifest.state === 'present' ? sight.manifest.text : '';
  const parts = takeApart(text, sight.manifestPath);
  const { server } = parts;
  const right = server ? sight.servers.filter(({ argv }) => matchesArgv(expectedArgv(server), argv)) : [];
  return {
    sight,
    text,
    ...parts,
    flag: flagsOf(text, server),
    right,
    healthy: right.some(({ listening }) => listening) && sight.health.state === 'ok',
    ...(sight.manifest.state === 'present' ? { changedAt: sight.manifest.changedAt } : {}),
  };
}

/** Where to look when only the manifest's text is known: the usual places when it does not say. */
export function questionsOf(text: string, path: string): ManifestQuestions {
  const { server, pod } = takeApart(text, path);
  const flag = flagsOf(text, server);
  const port = Number(flag('secure-port'));
  return {
    endpoint: server
      ? serverEndpoint(server)
      : { host: flag('advertise-address') ?? '127.0.0.1', port: port > 0 && port < 65536 ? port : 6443 },
    pod: pod ?? { name: 'kube-apiserver', namespace: 'kube-system' },
  };
}

type Parts = Pick<Patient, 'problem' | 'doc' | 'server' | 'audit' | 'pod'>;

function takeApart(text: string, path: string): Parts {
  const parts: Parts = {};
  try {
    parts.doc = parseManifest(text, path);
    parts.pod = podIdentity(parts.doc);
    parts.server = readServer(parts.doc);
    parts.audit = readAudit(parts.doc, parts.server);
  } catch (error) {
    parts.problem = error instanceof UserError ? error : new UserError('manifest-syntax', messageOf(error));
  }
  return parts;
}

/** Values of flags, `$(VAR)` expanded; of a text that cannot be parsed, of the last line that looks like the flag. */
export function flagsOf(text: string, server: Server | undefined): (name: string) => string | undefined {
  return (name) => {
    if (server) return server.effectiveValue(name);
    return [...text.matchAll(new RegExp(`^\\s*-\\s*["']?--${name}=([^\\s"']*)`, 'gm'))].at(-1)?.[1];
  };
}

/** A place of the manifest as evidence. */
export function manifestEvidence({ sight }: Patient, place: Place): Evidence {
  return {
    source: 'file',
    where: `${place.file ?? sight.manifestPath}:${place.line}`,
    text: place.lineText?.trim() ?? '',
  };
}

/** The place of a value of the manifest, with its evidence. */
export function at(patient: Patient, path: Path): { place: Place; evidence: Evidence[] } | { evidence: Evidence[] } {
  if (!patient.doc) return { evidence: [] };
  const place = patient.doc.place(path);
  return { place, evidence: [manifestEvidence(patient, place)] };
}

/** The place of a flag in the command. */
export function flagAt(patient: Patient, name: string): ReturnType<typeof at> {
  const flag = patient.server?.effective(name);
  if (flag) return { place: flag.place, evidence: [manifestEvidence(patient, flag.place)] };
  const offset = patient.text.search(new RegExp(`--${name}(?:=|\\s|$)`, 'm'));
  if (offset === -1) return { evidence: [] };
  const place = new LineIndex(patient.text).place(offset, name.length + 2, patient.sight.manifestPath);
  return { place, evidence: [manifestEvidence(patient, place)] };
}

export function journalEvidence(unit: string, line: LogLine): Evidence {
  return { source: 'journal', where: `journal of ${unit}`, at: new Date(line.at).toISOString(), text: line.text };
}

/** The newest line of the kubelet's journal that matches, not older than `since`. */
export function kubeletSaid({ sight }: Patient, pattern: RegExp, since = 0): LogLine | undefined {
  return sight.kubelet.journal.findLast((line) => line.at >= since && pattern.test(line.text));
}

/** The flags of an etcd manifest, or of any text with `- --name=value` lines. */
export function etcdFlag({ sight }: Patient, name: string): string | undefined {
  return sight.etcd.manifest === undefined ? undefined : flagsOf(sight.etcd.manifest, undefined)(name);
}
