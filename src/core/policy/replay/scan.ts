/**
 * The few things about a recorded audit event that a replay needs, read without parsing its bodies. The API server writes
 * the fields of an event in a fixed order; that is read in passing. An event in any other order is parsed in full.
 */

export interface ScannedEvent {
  level: string;
  stage: string;
  verb: string;
  requestURI: string;
  /** null when authentication failed. */
  user: string | null;
  groups: readonly string[];
  /** stageTimestamp as written: RFC 3339 in UTC, so that texts compare as times do. */
  time: string;
  /** Units of the line that the request's body takes, its name included; 0 when there is none. */
  requestLength: number;
  responseLength: number;
}

const HEAD = '{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"';
const REQUEST = ',"requestObject":';
const RESPONSE = ',"responseObject":';
const TAIL = ',"requestReceivedTimestamp":"';
const STAGE_TIME = ',"stageTimestamp":"';

/** @param line one event, without its line break; its characters are the bytes of the file. @returns undefined when it is no audit event. */
export function scanEvent(line: string): ScannedEvent | undefined {
  return line.startsWith(HEAD) ? (scanInOrder(line) ?? parseEvent(line)) : parseEvent(line);
}

function scanInOrder(line: string): ScannedEvent | undefined {
  const cursor = { at: HEAD.length - 1 };
  const level = readString(line, cursor);
  const auditId = readField(line, cursor, ',"auditID":');
  const stage = readField(line, cursor, ',"stage":');
  const requestURI = readField(line, cursor, ',"requestURI":');
  const verb = readField(line, cursor, ',"verb":');
  if (level === undefined || auditId === undefined || stage === undefined) return undefined;
  if (requestURI === undefined || verb === undefined || !line.startsWith(',"user":{', cursor.at)) return undefined;
  const userStart = cursor.at + ',"user":'.length;
  const userEnd = skipValue(line, userStart);
  // A line that was cut short has no end of its own.
  if (userEnd === undefined || line.charCodeAt(line.length - 1) !== 0x7d) return undefined;
  const who = userOf(line.slice(userStart, userEnd));

  // Annotations follow the times, and quotes inside texts are escaped: the last one is the event's own.
  const tail = line.lastIndexOf(TAIL);
  const timeStart = line.indexOf(STAGE_TIME, tail);
  if (who === undefined || tail === -1 || timeStart === -1) return undefined;
  const at = { at: timeStart + STAGE_TIME.length - 1 };
  const time = readString(line, at);
  if (time === undefined) return undefined;

  const { requestLength, responseLength } = bodies(line, level, userEnd, tail);
  return { level, stage, verb, requestURI, ...who, time, requestLength, responseLength };
}

function bodies(
  line: string,
  level: string,
  from: number,
  tail: number,
): { requestLength: number; responseLength: number } {
  if (level === 'Metadata') return { requestLength: 0, responseLength: 0 };
  const request = line.indexOf(REQUEST, from);
  if (request === -1 || request > tail) {
    const response = line.indexOf(RESPONSE, from);
    return { requestLength: 0, responseLength: response === -1 || response > tail ? 0 : tail - response };
  }
  if (level === 'Request') return { requestLength: tail - request, responseLength: 0 };
  const requestEnd = skipValue(line, request + REQUEST.length) ?? tail;
  return { requestLength: requestEnd - request, responseLength: tail - requestEnd };
}

function readField(line: string, cursor: { at: number }, name: string): string | undefined {
  if (!line.startsWith(name, cursor.at)) return undefined;
  cursor.at += name.length;
  return readString(line, cursor);
}

/** Reads the text whose opening quote is at the cursor. */
function readString(line: string, cursor: { at: number }): string | undefined {
  const start = cursor.at;
  const end = stringEnd(line, start);
  if (end === -1 || line.charCodeAt(start) !== 0x22) return undefined;
  cursor.at = end + 1;
  const text = line.slice(start + 1, end);
  return text.includes('\\') ? (JSON.parse(`"${text}"`) as string) : text;
}

/** The closing quote of the text that opens at `start`; -1 when there is none. */
function stringEnd(line: string, start: number): number {
  for (let at = line.indexOf('"', start + 1); at !== -1; at = line.indexOf('"', at + 1)) {
    let slashes = 0;
    while (line.charCodeAt(at - 1 - slashes) === 0x5c) slashes++;
    if (slashes % 2 === 0) return at;
  }
  return -1;
}

/** The end of the object or list that starts at `start`. */
function skipValue(line: string, start: number): number | undefined {
  let depth = 0;
  for (let at = start; at < line.length; at++) {
    const code = line.charCodeAt(at);
    if (code === 0x22) {
      at = stringEnd(line, at);
      if (at === -1) return undefined;
    } else if (code === 0x7b || code === 0x5b) depth++;
    else if (code === 0x7d || code === 0x5d) {
      if (--depth === 0) return at + 1;
    }
  }
  return undefined;
}

interface Who {
  user: string | null;
  groups: readonly string[];
}

/** The same few users send nearly everything. */
const users = new Map<string, Who>();
const MAX_USERS = 5000;

function userOf(json: string): Who | undefined {
  const known = users.get(json);
  if (known !== undefined) return known;
  try {
    const who = whoOf(JSON.parse(utf8(json)));
    if (users.size >= MAX_USERS) users.clear();
    // A copy: a part of a line would keep the whole block that was read alive.
    users.set(JSON.parse(JSON.stringify(json)) as string, who);
    return who;
  } catch {
    return undefined;
  }
}

/** Characters that are bytes, back to the text they encode. */
function utf8(bytes: string): string {
  if (/^[ -~]*$/.test(bytes)) return bytes;
  return new TextDecoder().decode(Uint8Array.from(bytes, (character) => character.charCodeAt(0)));
}

function whoOf(value: unknown): Who {
  const { username, groups } = (value ?? {}) as { username?: unknown; groups?: unknown };
  if (typeof username !== 'string' || username === '') return { user: null, groups: [] };
  return { user: username, groups: Array.isArray(groups) ? groups.filter((group) => typeof group === 'string') : [] };
}

function parseEvent(line: string): ScannedEvent | undefined {
  let event: Record<string, unknown>;
  try {
    event = JSON.parse(utf8(line)) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  if (typeof event !== 'object' || event === null || event['kind'] !== 'Event') return undefined;
  const { level, stage, verb, requestURI, stageTimestamp } = event;
  if (typeof level !== 'string' || typeof stage !== 'string' || typeof verb !== 'string') return undefined;
  if (typeof requestURI !== 'string') return undefined;
  const length = (name: string): number =>
    event[name] === undefined ? 0 : JSON.stringify(event[name]).length + name.length + 4;
  return {
    level,
    stage,
    verb,
    requestURI,
    ...whoOf(event['user']),
    time: typeof stageTimestamp === 'string' ? stageTimestamp : '',
    requestLength: length('requestObject'),
    responseLength: length('responseObject'),
  };
}
