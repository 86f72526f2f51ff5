/** One exit code for every way a change can end. */
import { EXIT_CODES, exitCodeOf, type Outcome } from '../../src/core/outcome';

test.each([
  ['unchanged', 0],
  ['planned', 0],
  ['kept', 0],
  ['refused', 1],
  ['rolled-back', 3],
  ['needs-a-person', 4],
] as const)('%s: %i', (outcome, code) => {
  expect(exitCodeOf({ outcome } as Outcome)).toBe(code);
  expect(EXIT_CODES[code]).toEqual(expect.any(String));
});
