/**
 * The session of `edit`, as a state machine: what comes after what, and which answers there are.
 *
 *     editing -> checking -> asking -> editing | showing-diff | merging | applying | over
 *
 * The rule it keeps: the way to `applying` leads through a check that found no error in the very text that is applied.
 */
import { unreachable } from '../errors';

/** What the check of a saved copy found. */
export interface Review {
  /** Something that stops the change. */
  errors: boolean;
  /** The manifest was changed by others meanwhile, and both changes fit together. */
  mergeable: boolean;
}

export type State =
  | { at: 'editing' }
  | { at: 'checking' }
  | { at: 'asking'; review: Review }
  | { at: 'showing-diff'; review: Review }
  | { at: 'merging' }
  | { at: 'applying' }
  | { at: 'over'; how: 'unchanged' | 'emptied' | 'quit' | 'applied' };

export type Event =
  | { kind: 'saved'; changed: boolean; empty: boolean }
  /** A check that finds nothing to do: the copy means what the manifest means. */
  | { kind: 'checked'; review: Review; same: boolean }
  /** undefined: the end of the input, or Ctrl-C. */
  | { kind: 'answered'; answer: string | undefined }
  | { kind: 'shown' }
  | { kind: 'merged' }
  /** What was found when it was applied had not been there when it was checked. */
  | { kind: 'refused'; review: Review }
  | { kind: 'applied' };

export function step(state: State, event: Event): State {
  switch (event.kind) {
    case 'saved':
      if (event.empty) return { at: 'over', how: 'emptied' };
      return event.changed ? { at: 'checking' } : { at: 'over', how: 'unchanged' };
    case 'checked':
      return event.same ? { at: 'over', how: 'unchanged' } : { at: 'asking', review: event.review };
    case 'answered':
      return state.at === 'asking' ? answered(state.review, event.answer) : state;
    case 'shown':
      return state.at === 'showing-diff' ? { at: 'asking', review: state.review } : state;
    case 'merged':
      return { at: 'checking' };
    case 'refused':
      return { at: 'asking', review: event.review };
    case 'applied':
      return { at: 'over', how: 'applied' };
    default:
      return unreachable(event);
  }
}

/** The question, with the answers that there are. */
export function question(review: Review): string {
  return `${choices(review)
    .map((word) => `(${word.charAt(0)})${word.slice(1)}`)
    .join(', ')}? `.replace('(e)dit', '(e)dit again');
}

function choices({ errors, mergeable }: Review): string[] {
  return ['edit', 'diff', ...(mergeable ? ['merge'] : []), ...(errors ? [] : ['apply']), 'quit'];
}

function answered(review: Review, answer: string | undefined): State {
  if (answer === undefined) return { at: 'over', how: 'quit' };
  const word = answer.trim().toLowerCase();
  const chosen = word === '' ? undefined : choices(review).find((choice) => choice.startsWith(word));
  switch (chosen) {
    case 'edit':
      return { at: 'editing' };
    case 'diff':
      return { at: 'showing-diff', review };
    case 'merge':
      return { at: 'merging' };
    case 'apply':
      return { at: 'applying' };
    case 'quit':
      return { at: 'over', how: 'quit' };
    default:
      return { at: 'asking', review };
  }
}
