import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { FIELDS, SLOT } from '../../../src/core/auditlog/members';
import { EventScan } from '../../../src/core/auditlog/scan';
import { auditEvent, line, oddly, parts, randomFrom } from '../../support/audit-events';

const scan = new EventScan();
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function at(event: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (value, key) =>
        typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? (value as never)[key] : undefined,
      event,
    );
}

/** Every field is as JSON.parse has it. */
function expectSame(text: string): void {
  const event = JSON.parse(text) as unknown;
  const given = bytes(text);
  expect(scan.scan(given, 0, given.length)).toBe(true);
  for (const name of FIELDS) expect([name, scan.value(SLOT[name])]).toEqual([name, at(event, name)]);
}

test('in the order of the server', () => {
  fc.assert(
    fc.property(parts, (each) => expectSame(line(each))),
    { numRuns: 500 },
  );
});

test('in any order, with white space and escapes', () => {
  fc.assert(
    fc.property(parts, fc.integer(), (each, seed) => expectSame(oddly(auditEvent(each), randomFrom(seed)))),
    { numRuns: 500 },
  );
});

test('what a real server wrote', () => {
  for (const each of readFileSync('fixtures/logs/course.log', 'utf8').trimEnd().split('\n')) expectSame(each);
});

test('a repeated key: the last one, a repeated object as a whole', () => {
  expectSame(
    '{"verb":"get","user":{"username":"a","groups":["x"]},"verb":"list","user":{"username":"b"},"stage":"Panic"}',
  );
});

test('values of the wrong type are no texts, and harm nobody', () => {
  const given = bytes('{"verb":7,"user":"alice","objectRef":["secrets"],"responseStatus":null,"annotations":{}}');
  expect(scan.scan(given, 0, given.length)).toBe(true);
  expect([scan.text(SLOT.verb), scan.value(SLOT.user), scan.text(SLOT['user.username'])]).toEqual(['', 'alice', '']);
  expect(scan.number(SLOT['responseStatus.code'])).toBeNaN();
});

test('no beginning of an event is taken for a whole one', () => {
  const text = line({
    resource: 'secrets',
    requestObject: { a: ['}', { b: 1 }] },
    annotations: { a: 'b' },
    level: 'Request',
  });
  const given = bytes(text);
  for (let length = 0; length < given.length; length++)
    expect([length, scan.scan(given, 0, length)]).toEqual([length, false]);
  expect(scan.scan(given, 0, given.length)).toBe(true);
});

test('half an event with a whole one behind it is no event', () => {
  const whole = line({ level: 'RequestResponse', requestObject: { a: 1 }, responseObject: { b: 2 } });
  for (let length = 1; length < whole.length; length++) {
    const given = bytes(whole.slice(0, length) + whole);
    expect([length, scan.scan(given, 0, given.length)]).toEqual([length, false]);
  }
});

test('neither is one with a block of zeros in it', () => {
  const whole = line({ level: 'Request', requestObject: { a: 'text' } });
  const place = whole.indexOf('"text"') + 3;
  const given = bytes(`${whole.slice(0, place)}\0\0\0\0${whole.slice(place)}`);
  // In the body of an event in the server's order it is not looked for, until the body is asked for.
  expect(scan.scan(given, 0, given.length) && scan.value(SLOT.requestObject)).toBeFalsy();
});

test('the head alone, then the rest', () => {
  const given = bytes(line({ user: 'bob', resource: 'pods' }));
  expect(scan.open(given, 0, given.length)).toBe(true);
  expect([scan.text(SLOT['user.username']), scan.kinds[SLOT['objectRef.resource']]]).toEqual(['bob', 0]);
  expect(scan.rest()).toBe(true);
  expect([scan.text(SLOT['objectRef.resource']), scan.value(SLOT.user)]).toEqual([
    'pods',
    { username: 'bob', groups: ['system:authenticated'] },
  ]);
});

test('a place in a larger block', () => {
  const given = bytes(`xx\n${line({ user: 'bob' })}\r\n${line({ user: 'eve' })}\n`);
  const end = given.indexOf(10, 3);
  expect(scan.scan(given, 3, end)).toBe(true);
  expect(new TextDecoder().decode(scan.copy())).toBe(line({ user: 'bob' }));
});

test('what follows the annotations is no part of them', () => {
  expectSame(`${line({ annotations: { a: 'b' } }).slice(0, -1)},"later":{"x":{"y":"z"}}}`);
});
