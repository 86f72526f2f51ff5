// The engine against recorded answers of a real API server: every one must be the same.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadPolicy } from '../../../src/core/policy/load';
import { compilePolicy } from '../../../src/core/policy/match';
import { requestInfo } from '../../../src/core/policy/request';
import type { AuditRequest } from '../../../src/core/policy/types';

function answers(name: string): unknown {
  return JSON.parse(readFileSync(join(__dirname, '../../../fixtures/policies/answers', name), 'utf8'));
}

test('loading: the same verdict and the same words', () => {
  const cases = answers('loads.json') as { text: string; loads: boolean; message: string | null }[];
  expect(cases.length).toBeGreaterThan(300);
  for (const { text, loads, message } of cases) {
    const { loads: ours, serverMessage, lenient } = loadPolicy(text);
    expect({ text, loads: ours, message: serverMessage, lenient }).toEqual({
      text,
      loads,
      message,
      lenient: loads && message !== null,
    });
  }
});

test('decisions: the same level, stages and managed fields', () => {
  type Case = { policy: object; answers: [AuditRequest, string, string, boolean][] };
  let count = 0;
  for (const { policy, answers: expected } of answers('decisions.json') as Case[]) {
    const loaded = loadPolicy(JSON.stringify(policy)).policy!;
    const decide = compilePolicy(loaded);
    for (const [request, level, omitStages, omitManagedFields] of expected) {
      const decision = decide(request);
      expect({ request, level: decision.level, omitStages: decision.omitStages.join(' ') }).toEqual({
        request,
        level,
        omitStages,
      });
      expect(decision.omitManagedFields).toBe(omitManagedFields);
      count++;
    }
  }
  expect(count).toBe(2000);
});

test('request attributes: the same for every path', () => {
  for (const [method, path, expected] of answers('request-attributes.json') as [string, string, object | null][]) {
    if (expected === null) expect(() => requestInfo(method, path)).toThrow();
    else expect({ path, info: requestInfo(method, path) }).toEqual({ path, info: expected });
  }
});
