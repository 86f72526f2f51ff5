/** The session of edit: which answers there are, and that nothing is applied that has not passed its check. */
import fc from 'fast-check';
import { question, step, type Event, type Review, type State } from '../../../src/core/edit/session';

const CLEAN: Review = { errors: false, mergeable: false };
const BAD: Review = { errors: true, mergeable: false };
const THEIRS: Review = { errors: true, mergeable: true };
const asking = (review: Review): State => ({ at: 'asking', review });

test.each([
  [CLEAN, '(e)dit again, (d)iff, (a)pply, (q)uit? '],
  [BAD, '(e)dit again, (d)iff, (q)uit? '],
  [THEIRS, '(e)dit again, (d)iff, (m)erge, (q)uit? '],
])('the question offers what there is: %j', (review, text) => {
  expect(question(review)).toBe(text);
});

test.each<[string | undefined, Review, State]>([
  ['e', CLEAN, { at: 'editing' }],
  ['edit', BAD, { at: 'editing' }],
  ['d', BAD, { at: 'showing-diff', review: BAD }],
  [' A ', CLEAN, { at: 'applying' }],
  ['a', BAD, asking(BAD)],
  ['m', THEIRS, { at: 'merging' }],
  ['m', BAD, asking(BAD)],
  ['q', CLEAN, { at: 'over', how: 'quit' }],
  [undefined, CLEAN, { at: 'over', how: 'quit' }],
  ['', CLEAN, asking(CLEAN)],
  ['yes', CLEAN, asking(CLEAN)],
])('the answer %j', (answer, review, next) => {
  expect(step(asking(review), { kind: 'answered', answer })).toEqual(next);
});

test.each<[Event, State]>([
  [
    { kind: 'saved', changed: false, empty: false },
    { at: 'over', how: 'unchanged' },
  ],
  [
    { kind: 'saved', changed: true, empty: true },
    { at: 'over', how: 'emptied' },
  ],
  [{ kind: 'saved', changed: true, empty: false }, { at: 'checking' }],
])('after the editor: %j', (event, next) => {
  expect(step({ at: 'editing' }, event)).toEqual(next);
});

test('whatever happens, the way to applying leads through a check without errors', () => {
  const review = fc.record({ errors: fc.boolean(), mergeable: fc.boolean() });
  const event: fc.Arbitrary<Event> = fc.oneof(
    fc.record({ kind: fc.constant('saved' as const), changed: fc.boolean(), empty: fc.boolean() }),
    fc.record({ kind: fc.constant('checked' as const), review, same: fc.boolean() }),
    fc.record({
      kind: fc.constant('answered' as const),
      answer: fc.constantFrom('e', 'd', 'a', 'm', 'q', undefined, '', 'x'),
    }),
    fc.constant<Event>({ kind: 'shown' }),
    fc.constant<Event>({ kind: 'merged' }),
    fc.record({ kind: fc.constant('refused' as const), review }),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), (events) => {
      let state: State = { at: 'editing' };
      let passed = false;
      for (const each of events) {
        const next = step(state, each);
        if (each.kind === 'checked' || each.kind === 'refused') passed = !each.review.errors;
        if (next.at === 'editing' || next.at === 'merging') passed = false;
        if (next.at === 'applying' && state.at !== 'applying') expect(passed).toBe(true);
        state = next;
      }
    }),
  );
});
