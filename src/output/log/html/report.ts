/**
 * The report as one page that needs nothing else: no network, no script to be read, light and dark, on paper. Rule: a log is
 * written by strangers, so every text is escaped, and the page allows no script but its own.
 */
import type { Gap } from '../../../core/auditlog/gaps';
import type { GroupRow } from '../../../core/auditlog/groups';
import { REPORT_GROUPS, type ReportData, type ReportEvent, type ReportGroup } from '../../../core/auditlog/report';
import { maskUri } from '../../../core/auditlog/mask';
import type { LogFile } from '../../../change/log';
import { bytesText } from '../../policy-replay';
import { shortTime } from '../time';
import { SCRIPT, SCRIPT_HASH, STYLE } from './assets';
import { esc } from './escape';
import { timelineHtml } from './timeline';

export interface ReportPage {
  data: ReportData;
  files: readonly LogFile[];
  gaps: readonly Gap[];
  missing: readonly string[];
  utc: boolean;
  /** When it was made: milliseconds since the epoch. */
  madeAt: number;
  version: string;
}

const SECTIONS: readonly { id: ReportGroup; title: string; note: string }[] = [
  { id: 'denied', title: 'Denied requests', note: 'Answered with 401 or 403, or forbidden.' },
  { id: 'anonymous', title: 'Anonymous requests and failed logins', note: 'Requests without a user of their own.' },
  { id: 'secrets', title: 'Access to Secrets', note: 'A list or watch hands out every Secret that it covers.' },
  { id: 'users', title: 'Who', note: '' },
  { id: 'resources', title: 'What', note: '' },
  { id: 'namespaces', title: 'Where: namespaces', note: '' },
  { id: 'addresses', title: 'Where from: addresses', note: '' },
  { id: 'agents', title: 'With what: user agents', note: '' },
  { id: 'volume', title: 'Volume', note: 'As a policy rule would group it: what fills the disk.' },
];
const MOST_ROWS = 200;

export function reportHtml(page: ReportPage): string {
  const { data, files, utc } = page;
  const sections: [string, string, string][] = [
    ['time', 'Time line', timelineHtml(data, utc)],
    ...SECTIONS.slice(0, 2).map(groupSection(page)),
    ['sessions', 'Ways into containers', eventsTable(data.sessions, data.sessionCount, utc)],
    ...SECTIONS.slice(2, 3).map(groupSection(page)),
    ['rbac', 'Changes of roles and bindings', eventsTable(data.rbac, data.rbacCount, utc)],
    ...SECTIONS.slice(3).map(groupSection(page)),
    ['gaps', 'Gaps', gapsHtml(page)],
    ['files', 'Files', filesHtml(files)],
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${SCRIPT_HASH}'; base-uri 'none'; form-action 'none'">
<meta name="referrer" content="no-referrer">
<title>Kubernetes audit report</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>Kubernetes audit report</h1>
<p class="dim">${data.events === 0 ? 'no events' : `${esc(shortTime(data.from, utc))} to ${esc(shortTime(data.to, utc))}`}; made ${esc(shortTime(new Date(page.madeAt).toISOString(), utc))} by kube-auditctl ${esc(page.version)}</p>
${cards(page)}
</header>
<nav>${sections.map(([id, title]) => `<a href="#${id}">${esc(title)}</a>`).join(' ')}</nav>
<main>
${sections.map(([id, title, html]) => `<section id="${id}">\n<h2>${esc(title)}</h2>\n${html}\n</section>`).join('\n')}
</main>
<script>${SCRIPT}</script>
</body>
</html>
`;
}

function cards({ data, gaps, files }: ReportPage): string {
  const sum = (rows: readonly GroupRow[]): number => rows.reduce((total, { count }) => total + count, 0);
  const { denied, anonymous, secrets } = data.groups;
  const damaged = files.reduce((total, file) => total + file.damaged, 0);
  const all: [string, number | string, boolean][] = [
    ['requests', data.events, false],
    ['denied', sum(denied.rows) + denied.others, true],
    ['anonymous', sum(anonymous.rows) + anonymous.others, true],
    ['into containers', data.sessionCount, true],
    ['Secret access', sum(secrets.rows) + secrets.others, false],
    ['role changes', data.rbacCount, true],
    ['gaps', gaps.length, true],
    ['damaged lines', damaged, true],
    ['size', bytesText(data.bytes), false],
  ];
  return `<div class="cards">${all
    .map(
      ([name, value, bad]) =>
        `<div class="card${bad && value !== 0 ? ' bad' : ''}"><b>${esc(value)}</b>${esc(name)}</div>`,
    )
    .join('')}</div>`;
}

function groupSection({ data, utc }: ReportPage): (section: (typeof SECTIONS)[number]) => [string, string, string] {
  return ({ id, title, note }) => {
    const { rows, others } = data.groups[id];
    const byBytes = id === 'volume';
    const sorted = byBytes ? [...rows].sort((a, b) => b.bytes - a.bytes) : rows;
    const heads = [...REPORT_GROUPS[id], 'requests', 'bytes', 'first', 'last'];
    const body = sorted
      .slice(0, MOST_ROWS)
      .map(({ values, count, bytes, first, last }) => [
        ...values.map((value, at) => groupCell(REPORT_GROUPS[id][at] ?? '', value)),
        `<td class="n">${count}</td>`,
        `<td class="n">${esc(bytesText(bytes))}</td>`,
        `<td class="t">${esc(shortTime(first, utc))}</td>`,
        `<td class="t">${esc(shortTime(last, utc))}</td>`,
      ]);
    const left = sorted.slice(MOST_ROWS).reduce((total, { count }) => total + count, 0) + others;
    return [id, title, `${note === '' ? '' : `<p class="dim">${esc(note)}</p>`}${table(heads, body)}${more(left)}`];
  };
}

/** Short words are not broken. */
function groupCell(column: string, value: string): string {
  if (column === 'verb' || column === 'code' || column === 'level' || column === 'ip') return short(value);
  return cell(column === 'uri' ? maskUri(value) : value);
}

function eventsTable(events: readonly ReportEvent[], total: number, utc: boolean): string {
  const body = events.map((event) => [
    `<td class="t">${esc(shortTime(event.time, utc))}</td>`,
    cell(event.as === '' ? event.user : `${event.user} as ${event.as}`),
    short(event.verb),
    cell(event.resource),
    cell(event.namespace),
    cell(event.name),
    cell(commandOf(event.uri)),
    short(event.ip),
    short(event.code),
    cell(event.auditId),
  ]);
  const heads = ['time', 'user', 'verb', 'resource', 'namespace', 'name', 'command', 'ip', 'code', 'audit id'];
  return table(heads, body) + more(total - events.length);
}

/** What was run: exec has it in the URL, a parameter a word. */
function commandOf(uri: string): string {
  const query = uri.split('?')[1] ?? '';
  return [...new URLSearchParams(query)]
    .filter(([name]) => name === 'command')
    .map(([, word]) => word)
    .join(' ');
}

function gapsHtml({ gaps, missing, utc }: ReportPage): string {
  const lines = missing.map((path) => `<p class="warn">${esc(path)} is missing between the rotated files.</p>`);
  if (gaps.length === 0) return `${lines.join('')}<p>No span of time without events stands out.</p>`;
  const body = gaps.map(({ from, to, minutes }) => [
    `<td class="t">${esc(shortTime(`${from}:00Z`, utc))}</td>`,
    `<td class="t">${esc(shortTime(`${to}:00Z`, utc))}</td>`,
    `<td class="n">${esc(minutes < 120 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`)}</td>`,
  ]);
  return `${lines.join('')}<p class="dim">The server was down, auditing was off, or a file is missing.</p>${table(['last event', 'next event', 'duration'], body)}`;
}

function filesHtml(files: readonly LogFile[]): string {
  return table(
    ['file', 'bytes', 'events', 'damaged', 'problem'],
    files.map(({ path, bytes, events, damaged, problem }) => [
      cell(path),
      `<td class="n">${esc(bytesText(bytes))}</td>`,
      `<td class="n">${events}</td>`,
      `<td class="n">${damaged}</td>`,
      cell(problem ?? ''),
    ]),
  );
}

const NUMBERS = new Set(['requests', 'bytes', 'events', 'damaged', 'duration']);

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '<p>None.</p>';
  const head = heads.map((name) => `<th${NUMBERS.has(name) ? ' class="n"' : ''}>${esc(name)}</th>`).join('');
  return `<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>\n${rows.map((row) => `<tr>${row.join('')}</tr>`).join('\n')}\n</tbody></table></div>`;
}

function short(text: string): string {
  return cell(text, ' class="s"');
}

function cell(text: string, attribute = ''): string {
  return `<td${attribute}>${text === '' ? '<span class="dim">–</span>' : breakable(text)}</td>`;
}

function more(count: number): string {
  return count > 0 ? `<p class="dim">and ${count} more</p>` : '';
}

/** A long name is broken behind its separators, and only a very long part of one within. */
function breakable(text: string): string {
  return (text.match(/[^:/.@?&=,-]{1,24}[:/.@?&=,-]?|[:/.@?&=,-]/g) ?? []).map(esc).join('<wbr>');
}
