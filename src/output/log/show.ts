/** One request with all its stages, from top to bottom. */
import { sound, whatOf, whoOf, type AuditEvent } from '../../core/auditlog/event';
import { presentable, type Shown } from '../../core/auditlog/mask';
import type { LogFile } from '../../change/log';
import { indent, table, type Style } from '../style';
import { fileTotals, indentedJson } from './events';
import { jsonText, safeText } from './text';
import { shortTime } from './time';

export function showText(id: string, events: readonly AuditEvent[], shown: Shown, style: Style, utc: boolean): string {
  if (events.length === 0) return `no event of ${safeText(id)}\n`;
  return events.map((event) => eventText(sound(presentable(event, shown)), style, utc)).join('\n');
}

function eventText(event: AuditEvent, style: Style, utc: boolean): string {
  const { user, impersonatedUser, objectRef, responseStatus, annotations } = event;
  const list = (items: readonly string[] | undefined): string => (items ?? []).join(', ');
  const rows: [string, string][] = [
    ['audit id', event.auditID ?? ''],
    ['level', event.level ?? ''],
    ['time', time(event.stageTimestamp, utc)],
    ['received', time(event.requestReceivedTimestamp, utc)],
    ['user', whoOf(event)],
    ['groups', list(user?.groups)],
    ['acting groups', list(impersonatedUser?.groups)],
    ['from', list(event.sourceIPs)],
    ['agent', event.userAgent ?? ''],
    ['request', `${event.verb ?? ''} ${event.requestURI ?? ''}`],
    ['resource', objectRef === undefined ? '' : whatOf(event)],
    ['namespace', objectRef?.namespace ?? ''],
    ['name', objectRef?.name ?? ''],
    [
      'answer',
      [responseStatus?.code, responseStatus?.reason, responseStatus?.message]
        .filter((each) => each != null && each !== '')
        .join(' '),
    ],
    ...Object.entries(annotations ?? {}).map(([key, value]): [string, string] => [key, value]),
  ];
  const shown = rows
    .filter(([, value]) => value !== '')
    .map(([name, value]) => [style.dim(safeText(name)), safeText(value)]);
  const bodies = (['requestObject', 'responseObject'] as const)
    .filter((name) => event[name] !== undefined)
    .map((name) => `${style.dim(name)}\n${indent(indentedJson(event[name], 0), '  ')}`);
  return `${style.bold(safeText(event.stage ?? 'event'))}\n${indent([table(shown), ...bodies].join('\n'), '  ')}\n`;
}

function time(text: string | undefined, utc: boolean): string {
  return text === undefined ? '' : shortTime(text, utc, true);
}

/** @param more that this is a sandbox's log. */
export function showJson(
  id: string,
  events: readonly AuditEvent[],
  shown: Shown,
  files: readonly LogFile[],
  more: object = {},
): string {
  const document = {
    command: 'log show',
    exitCode: 0,
    auditID: id,
    events: events.map((event) => presentable(event, shown)),
  };
  return jsonText({ ...document, ...more, ...fileTotals(files) });
}
