/** An examination for people, and as the JSON document of docs/json.md. Both print the same value. */
import type { Cause, Evidence } from '../core/diagnosis/cause';
import type { Examination } from '../core/diagnosis/examine';
import type { NodeSight } from '../core/diagnosis/node-sight';
import { findingText, placeText, remedyLines } from './finding';
import { remediesIn } from './sandbox-remedies';
import { indent, table, type Style } from './style';

export function doctorText(
  sight: NodeSight,
  examination: Examination,
  style: Style,
  { verbose, sandbox }: { verbose: boolean; sandbox?: string | undefined },
): string {
  const { causes, warnings, healthy } = examination;
  const good = (text: string, yes: boolean): string => (yes ? style.green(text) : style.red(text));
  const api = {
    ready: 'ready',
    'not-ready': 'not ready',
    other: 'runs another manifest',
    starting: 'starting',
    down: 'down',
  };
  const own = causes.filter(({ followsFrom }) => followsFrom === undefined);
  const brought = causes.filter(({ followsFrom }) => followsFrom !== undefined);
  const parts = [
    table([
      ['API server', good(api[examination.apiServer], examination.apiServer === 'ready')],
      ['kubelet', good(examination.kubelet, examination.kubelet === 'running')],
      ['etcd', examination.etcd === 'unknown' ? 'not asked' : good(examination.etcd, examination.etcd === 'healthy')],
    ]),
    ...own.map((cause) => causeText(cause, style)),
    ...(verbose ? brought.map((cause) => causeText(cause, style)) : brought.map((cause) => broughtText(cause, style))),
    ...warnings.map((cause) => causeText(cause, style)),
    ...sight.notes.map((note) => `${style.yellow('!')} not seen: ${note}`),
    verdict(examination, style, sandbox),
  ];
  if (!healthy && causes.some((cause) => canMend(cause, sight)))
    parts.push('To mend what is certain: kube-auditctl doctor --fix');
  return `${parts.join('\n')}\n`;
}

export function doctorJson(sight: NodeSight, examination: Examination, exitCode: number): Record<string, unknown> {
  return {
    command: 'doctor',
    exitCode,
    healthy: examination.healthy,
    manifest: sight.manifestPath,
    apiServer: examination.apiServer,
    kubelet: examination.kubelet,
    etcd: examination.etcd,
    causes: examination.causes.map(causeJson),
    warnings: examination.warnings.map(causeJson),
    notes: sight.notes,
  };
}

function causeJson({ finding, certain, evidence, mend, followsFrom }: Cause): Record<string, unknown> {
  return {
    ...finding,
    certain,
    evidence,
    fix: mend?.what ?? null,
    ...(followsFrom === undefined ? {} : { followsFrom }),
  };
}

function causeText({ finding, certain, evidence }: Cause, style: Style): string {
  const title = certain || finding.severity !== 'error' ? finding.title : `probably: ${finding.title}`;
  const [head = ''] = findingText({ ...finding, title, detail: undefined, remedy: [], place: undefined }, style).split(
    '\n',
  );
  const lines = [head];
  if (finding.place) lines.push(indent(placeText(finding.place, style), '    '));
  const shown = `${finding.place?.file ?? ''}:${finding.place?.line ?? ''}`;
  const told =
    finding.detail !== undefined &&
    !evidence.some(({ text }) => finding.detail?.includes(text) === true && text !== '');
  if (told) lines.push(indent(style.dim(finding.detail ?? ''), '    '));
  lines.push(
    ...evidence.filter(({ where }) => where !== shown).map((each) => indent(evidenceText(each, style), '    ')),
  );
  lines.push(...remedyLines(finding.remedy, style));
  return lines.join('\n');
}

function canMend({ certain, mend }: Cause, { backups }: NodeSight): boolean {
  return certain && mend !== undefined && (mend.kind !== 'restore-manifest' || backups.length > 0);
}

function broughtText({ finding, followsFrom }: Cause, style: Style): string {
  return style.dim(`  follows from ${followsFrom ?? ''}: ${finding.title} [${finding.code}]`);
}

function evidenceText({ where, at, text }: Evidence, style: Style): string {
  return style.dim(`${where}${at === undefined ? '' : ` at ${at}`}\n${indent(text, '  ')}`);
}

const WORDS = 'journalctl -u kubelet -n 100';

function verdict({ healthy, causes, warnings }: Examination, style: Style, sandbox: string | undefined): string {
  if (healthy) {
    const later =
      warnings.length === 0 ? '' : ` ${warnings.length} thing${warnings.length === 1 ? '' : 's'} will hurt later.`;
    return style.green(`The API server is healthy.${later}`);
  }
  const certain = causes.filter(({ certain, followsFrom }) => certain && followsFrom === undefined).length;
  const likely = causes.filter(({ certain, followsFrom }) => !certain && followsFrom === undefined).length;
  if (certain + likely === 0)
    return style.red(
      `The API server is not healthy, and nothing was found that tells why: ${sandbox === undefined ? WORDS : remediesIn([WORDS], sandbox).join('')}`,
    );
  return style.red(
    `${certain} cause${certain === 1 ? '' : 's'} found${likely > 0 ? `, ${likely} more that may be` : ''}.`,
  );
}
