/** Answers to reads in the log: lists of everything, at every look. */
import type { ResourceRequest } from '../types';
import type { LintRule } from './context';
import { finding } from './context';
import { ANYBODY, OTHER } from './world';

export const bodiesOfReads: LintRule = {
  code: 'bodies-of-reads',
  purpose: 'RequestResponse for reads of everything: whole lists in the log',
  check(context) {
    const { level, rule } = context.decide(LIST);
    if (level !== 'RequestResponse' || rule === null) return [];
    const decided = context.policy.rules[rule - 1];
    const isBroad = decided?.resources.every((entry) => entry.resources.length === 0 || entry.resources.includes('*'));
    if (isBroad !== true) return [];
    return [
      finding(context, ['rules', rule - 1, 'level'], {
        code: 'bodies-of-reads',
        severity: 'info',
        title: `Rule ${rule} writes the answer to every read into the log`,
        detail:
          'A list of all pods is one event of some megabytes; the API server holds it in memory until it is written.',
        remedy: [`put this before rule ${rule}:\n- level: Metadata\n  verbs: [get, list, watch]`],
      }),
    ];
  },
};

const LIST: ResourceRequest = {
  ...ANYBODY,
  verb: 'list',
  apiGroup: '',
  apiVersion: 'v1',
  resource: 'pods',
  subresource: '',
  name: '',
  namespace: OTHER,
};
