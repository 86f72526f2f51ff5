/** What is told while a change runs. Renderers in output/ turn these into lines; the flow never prints. */
import type { Finding } from '../core/finding';
import type { ProofReport, RehearsalReport } from '../core/outcome';
import type { Stage } from '../core/verdict';

export type ChangeEvent =
  /** A step that is no wait: "backed up to …", "guard set". */
  | { kind: 'step'; text: string }
  /** Something worth knowing that stops nothing. */
  | { kind: 'note'; text: string }
  /** The node's own server has been tried with the planned arguments. */
  | { kind: 'rehearsal'; rehearsal: RehearsalReport }
  /** An earlier change was found unfinished and is being finished or undone. */
  | { kind: 'recovering'; changeId: string }
  /** A stage was reached, so long after the manifest was written. */
  | { kind: 'stage'; stage: Stage; afterMs: number }
  /** Still waiting; told a few times a second, for a live line. */
  | { kind: 'waiting'; stage: Stage; afterMs: number; awayMs: number; doubt?: Finding }
  /** The new server is bad; what follows is the way back. */
  | { kind: 'failed'; cause: Finding; afterMs: number }
  | { kind: 'proof'; proof: ProofReport; afterMs: number };
