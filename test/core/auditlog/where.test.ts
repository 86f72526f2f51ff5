import { UserError } from '../../../src/core/errors';
import { holds } from '../../../src/core/auditlog/where/evaluate';
import { parseExpression } from '../../../src/core/auditlog/where/parser';

const EVENT: Record<string, unknown> = {
  verb: 'get',
  user: { username: 'alice', groups: ['dev', 'ops'], extra: { 'example.org/x': ['1'] } },
  responseStatus: { code: 403 },
  annotations: { 'authorization.k8s.io/decision': 'forbid', empty: '' },
  requestObject: { items: [{ n: 1 }, { n: 2, deep: [[3]] }], flag: false, none: null },
};

const ask = (source: string): boolean =>
  holds(parseExpression(source), (name) => (Object.hasOwn(EVENT, name) ? EVENT[name] : undefined));

test.each([
  'verb == "get"',
  ".verb = 'get'",
  'verb != "list"',
  'user.groups == "ops"',
  'user.groups[0] == "dev"',
  'user.groups[-1] == "ops"',
  'user.groups[] == "ops"',
  'not (user.groups == "admin")',
  'user.groups != "admin"',
  'responseStatus.code >= 400 && responseStatus.code < 404',
  'responseStatus.code in (401, 403)',
  'verb not in ("list", "watch")',
  'annotations["authorization.k8s.io/decision"] == "forbid"',
  'annotations."authorization.k8s.io/decision" == "forbid"',
  'user.extra["example.org/x"] contains "1"',
  'user.username =~ "^a.*e$"',
  'user.username !~ "bob"',
  'user.username contains "lic"',
  'requestObject.items.n == 2',
  'requestObject.items[].deep[0] == 3',
  'user and not impersonatedUser',
  '!requestObject.flag',
  'requestObject.none == null and missing.path == null',
  'not annotations.empty',
  'verb == "x" or verb == "y" or user',
  'verb == "get" or verb == "x" and verb == "y"',
  '"get" == verb',
  'requestObject.items =~ "x" or true == true',
  '"\\u0061lice" == user.username',
  'user.username =~ "\\w+"',
])('%s', (source) => {
  expect(ask(source)).toBe(true);
});

test.each([
  'verb == "GET"',
  'missing == "x"',
  'missing < 5',
  'responseStatus.code < "500"',
  'constructor',
  'user.constructor',
  'user.__proto__ != null',
  'user.groups.length == 2',
  'requestObject.flag',
  'user.username in ("bob")',
])('not: %s', (source) => {
  expect(ask(source)).toBe(false);
});

test.each([
  ['verb ==', 8],
  ['verb == "get" verb', 15],
  ['(verb', 6],
  ['verb =~ "("', 9],
  ['verb =~ get', 9],
  ['verb & user', 6],
  ['verb in get', 9],
  ['', 1],
  ['verb == "x', 9],
  [`${'('.repeat(200)}verb`, 101],
])('%s: refused at column %d', (source, column) => {
  let error: unknown;
  try {
    parseExpression(source);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(UserError);
  expect((error as UserError).place).toMatchObject({ line: 1, column, lineText: source });
});
