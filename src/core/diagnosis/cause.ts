/** A cause as doctor tells it: what was found, how sure that is, where the evidence stood, and what mends it. */
import type { Finding } from '../finding';

export interface Cause {
  finding: Finding;
  /** False: it fits what was seen, and so might something else. */
  certain: boolean;
  /** now: the server is away, or not what the manifest says, because of it. later: it will hurt. */
  when: 'now' | 'later';
  evidence: readonly Evidence[];
  /** What doctor --fix does about it; absent when that is not for a program to decide. */
  mend?: Mend;
  /** Codes of causes that this one brings about. */
  brings?: readonly string[];
  /** The code of the cause that brings this one about. */
  followsFrom?: string;
}

export interface Evidence {
  source: 'file' | 'journal' | 'container-log' | 'process' | 'probe';
  /** `/etc/kubernetes/manifests/kube-apiserver.yaml:12`, `journal of kubelet`, `https://127.0.0.1:2379`. */
  where: string;
  /** When it was said, ISO 8601. */
  at?: string;
  text: string;
}

export type Mend =
  | { kind: 'edit-manifest'; what: string; edits: readonly ManifestFix[] }
  | { kind: 'replace-manifest'; what: string; text: string }
  | { kind: 'restore-manifest'; what: string }
  | { kind: 'move-out'; what: string; path: string }
  | { kind: 'make-folder'; what: string; path: string }
  | { kind: 'start-kubelet'; what: string }
  | { kind: 'unwedge'; what: string };

/** A change of one place of the manifest's value. */
export type ManifestFix =
  | { do: 'remove'; path: readonly (string | number)[] }
  | { do: 'replace'; path: readonly (string | number)[]; value: string | number | boolean }
  /** A word of the text itself, at its place; refused when another word stands there. */
  | { do: 'replace-text'; line: number; column: number; from: string; to: string };

/** The parts of a cause that have usual values. */
export interface CauseDetails {
  title: string;
  remedy: readonly string[];
  detail?: string;
  place?: Finding['place'];
  certain?: boolean;
  when?: Cause['when'];
  evidence?: readonly Evidence[];
  mend?: Mend;
  brings?: readonly string[];
}

export function cause(code: string, details: CauseDetails): Cause {
  const { title, remedy, detail, place, certain = true, when = 'now', evidence = [], mend, brings } = details;
  return {
    finding: {
      code,
      severity: when === 'now' ? 'error' : 'warning',
      title,
      ...(detail === undefined ? {} : { detail }),
      ...(place === undefined ? {} : { place }),
      remedy,
    },
    certain,
    when,
    evidence,
    ...(mend === undefined ? {} : { mend }),
    ...(brings === undefined ? {} : { brings }),
  };
}
