import fc from 'fast-check';
import { findHead, HEAD } from '../../../src/core/auditlog/horspool';

test('as indexOf finds it', () => {
  const piece = fc.constantFrom(
    HEAD,
    HEAD.slice(0, -1),
    HEAD.slice(1),
    '{"kind":"Event"',
    'x',
    'audit.k8s.io/',
    '{"',
    'yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), fc.nat(40), fc.nat(40), (pieces, from, cut) => {
      const text = pieces.join('');
      const bytes = new TextEncoder().encode(text);
      const to = Math.max(0, bytes.length - cut);
      expect(findHead(bytes, new DataView(bytes.buffer), from, to)).toBe(text.slice(0, to).indexOf(HEAD, from));
    }),
    { numRuns: 2000 },
  );
});
