/** Text after the first YAML document: the server never reads it. */
import type { LintRule } from './context';

export const severalDocuments: LintRule = {
  code: 'several-documents',
  purpose: 'YAML documents after the first, which the server ignores',
  check({ document }) {
    if (document.rest === undefined) return [];
    return [
      {
        code: 'several-documents',
        severity: 'error',
        title: 'Only the first document of the file counts: what follows is never read',
        detail: 'The API server reads up to the separator and ignores the rest without a word.',
        place: document.placeOf({ start: document.rest, end: document.rest + 3 }),
        remedy: ['Put all rules into one document, or remove what follows.'],
      },
    ];
  },
};
