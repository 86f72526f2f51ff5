/** Findings as SARIF 2.1.0, the format that code hosts show beside the lines. */
import type { Finding, Severity } from '../core/finding';

export interface SarifRule {
  code: string;
  purpose: string;
}

const LEVELS: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', info: 'note' };

/** @param rules all that were applied; findings of others are described by their first title. */
export function sarif(
  findings: readonly (Finding & { fix?: unknown })[],
  rules: readonly SarifRule[],
  version: string,
): string {
  const described = new Map(rules.map(({ code, purpose }) => [code, purpose]));
  for (const { code, title } of findings) if (!described.has(code)) described.set(code, title);
  const ids = [...described.keys()];
  const log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'kube-auditctl',
            version,
            rules: [...described].map(([id, purpose]) => ({ id, shortDescription: { text: purpose } })),
          },
        },
        columnKind: 'utf16CodeUnits',
        results: findings.map((finding) => ({
          ruleId: finding.code,
          ruleIndex: ids.indexOf(finding.code),
          level: LEVELS[finding.severity],
          message: { text: messageOf(finding) },
          ...(finding.place === undefined ? {} : { locations: [locationOf(finding.place)] }),
        })),
      },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
}

function messageOf({ title, detail, remedy }: Finding): string {
  return [title, ...(detail === undefined ? [] : [detail]), ...remedy].join('\n');
}

function locationOf({ file, line, column, length, lineText }: NonNullable<Finding['place']>) {
  return {
    physicalLocation: {
      artifactLocation: { uri: encodeURI(file ?? 'policy.yaml') },
      region: {
        startLine: line,
        startColumn: column,
        endColumn: column + (length ?? 1),
        ...(lineText === undefined ? {} : { snippet: { text: lineText } }),
      },
    },
  };
}
