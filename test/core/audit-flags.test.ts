/** Misspelt audit flags find the one that was meant; a right one, or one far off, finds none. */
import fc from 'fast-check';
import { AUDIT_FLAGS, editDistance, nearestAuditFlag } from '../../src/core/audit-flags';

test.each([
  ['--audit-log-maxbackups', '--audit-log-maxbackup'],
  ['audit-log-max-size', '--audit-log-maxsize'],
  ['--audit-log-max-age=30', '--audit-log-maxage'],
  ['--audit_policy_files', '--audit-policy-file'],
  ['--Audit-Log-Pat', '--audit-log-path'],
  ['--audit-webhook-config', undefined],
  ['--audit-log-path', undefined],
  ['--audit_log_path=/x', undefined],
  ['--audit-dynamic-configuration', undefined],
  ['--secure-port', undefined],
])('%s -> %s', (flag, expected) => {
  expect(nearestAuditFlag(flag)).toBe(expected);
});

test('every flag stands in the list once', () => {
  expect(new Set(AUDIT_FLAGS).size).toBe(AUDIT_FLAGS.length);
  expect(AUDIT_FLAGS).toEqual(expect.arrayContaining(['audit-log-compress', 'audit-webhook-truncate-max-batch-size']));
});

test('the distance is a metric', () => {
  const word = fc.string({ maxLength: 8, unit: fc.constantFrom('a', 'b', 'c') });
  fc.assert(
    fc.property(word, word, word, (a, b, c) => {
      expect(editDistance(a, b)).toBe(editDistance(b, a));
      expect(editDistance(a, b) === 0).toBe(a === b);
      expect(editDistance(a, c)).toBeLessThanOrEqual(editDistance(a, b) + editDistance(b, c));
    }),
  );
});
