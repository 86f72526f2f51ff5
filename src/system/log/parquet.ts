/**
 * Events as a Parquet file, row group by row group. Rule: whole or not at all, like every file of ours; memory is that of a
 * row group.
 */
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
  type Stats,
} from 'node:fs';
import { ByteWriter, ParquetWriter, type SchemaElement } from 'hyparquet-writer';
import { sound, type AuditEvent } from '../../core/auditlog/event';
import { micros } from '../../core/auditlog/time';
import { explain } from '../file-errors';
import { collectGarbage } from '../garbage';
import { besideOf, outputTarget } from '../output-file';
import { removedAtExit } from '../temporary';

type Value = string | number | bigint | readonly string[] | null;

interface Column {
  name: string;
  schema: SchemaElement[];
  read: (event: AuditEvent) => Value;
  /** Absent: a dictionary where it pays. */
  encoding?: Encoding;
  /** Its smallest and largest value tell readers which groups to pass over. */
  isOrdered?: boolean;
}

type Encoding = 'PLAIN' | 'DELTA_BINARY_PACKED';

/**
 * A row group is in memory three times while it is written: as values, as pages, and as bytes. What is told of each group stays
 * until the end of the file: small groups are no remedy.
 */
const ROWS = 10_000;
const BYTES = 1 << 20;

/** @returns rows and bytes written. Rejects with a UserError when the file cannot be. */
export async function writeParquet(
  path: string,
  events: AsyncIterable<AuditEvent>,
): Promise<{ rows: number; bytes: number }> {
  let fd: number | undefined;
  let beside: string | undefined;
  let keep = (): void => undefined;
  try {
    const { target, before } = await outputTarget(path);
    beside = besideOf(target);
    keep = removedAtExit(beside);
    fd = openSync(beside, 'wx', 0o600);
    if (before !== undefined) takeOver(fd, before);
    const result = await write(fd, events);
    fsyncSync(fd);
    renameSync(beside, target);
    beside = undefined;
    return result;
  } catch (error) {
    throw explain(error, 'write', path);
  } finally {
    if (fd !== undefined) closeSync(fd);
    if (beside !== undefined) rmSync(beside, { force: true });
    keep();
  }
}

/** Mode and owner of the file that is replaced. */
function takeOver(fd: number, before: Stats): void {
  if (before.uid !== process.getuid?.() || before.gid !== process.getgid?.()) fchownSync(fd, before.uid, before.gid);
  fchmodSync(fd, before.mode & 0o7777);
}

async function write(fd: number, events: AsyncIterable<AuditEvent>): Promise<{ rows: number; bytes: number }> {
  let bytes = 0;
  const writer = new ByteWriter();
  const flush = (): void => {
    const chunk = new Uint8Array(writer.buffer, 0, writer.index);
    for (let at = 0; at < chunk.length;) at += writeSync(fd, chunk, at);
    bytes += chunk.length;
    writer.index = 0;
  };
  const root: SchemaElement = { name: 'root', num_children: COLUMNS.length };
  const file = new ParquetWriter({
    writer: Object.assign(writer, { flush, finish: flush }),
    schema: [root, ...COLUMNS.flatMap(({ schema }) => schema)],
    createdBy: 'kube-auditctl',
  });
  let rows = 0;
  let size = 0;
  let group = newGroup();
  const writeGroup = async (): Promise<void> => {
    const count = group[0]?.data.length ?? 0;
    await file.write({ columnData: group, rowGroupSize: count });
    shrink(file);
    rows += count;
    group = newGroup();
    size = 0;
    collectGarbage();
  };
  for await (const event of events) {
    const whole = sound(event);
    // Values, not events: what a row does not need is let go at once.
    COLUMNS.forEach(({ read }, at) => {
      const column = group[at];
      if (column === undefined) return;
      const value = read(whole);
      const known = once(column.known, value);
      if (known === undefined) size += sizeOf(value);
      column.data.push(known ?? value);
    });
    if (group[0]?.data.length === ROWS || size > BYTES) await writeGroup();
  }
  // Not by its size: values that are told again, or not there at all, have none.
  if ((group[0]?.data.length ?? 0) > 0) await writeGroup();
  await file.finish();
  return { rows, bytes };
}

/** What is told of the group that was written last stays until the end of the file: as little as possible. */
function shrink({ row_groups: groups }: ParquetWriter): void {
  const first = groups[0]?.columns ?? [];
  groups.at(-1)?.columns.forEach(({ meta_data: told }, at) => {
    const same = first[at]?.meta_data;
    if (told === undefined || same === undefined) return;
    delete told.encoding_stats;
    told.path_in_schema = same.path_in_schema;
    if (String(told.encodings) === String(same.encodings)) told.encodings = same.encodings;
  });
}

interface Values {
  name: string;
  data: Value[];
  known: Map<string, Value>;
  encoding?: Encoding;
  statistics: boolean;
  /** An index of the pages is kept until the end of the file as well, and these columns have a page each. */
  offsetIndex: false;
}

function newGroup(): Values[] {
  return COLUMNS.map(({ name, encoding, isOrdered = false }) => ({
    name,
    data: [],
    known: new Map(),
    statistics: isOrdered,
    offsetIndex: false,
    ...(encoding === undefined ? {} : { encoding }),
  }));
}

/** The same value, if it was there before: most of a log is told again and again. undefined: it is new. */
function once(known: Map<string, Value>, value: Value): Value | undefined {
  if (value === null || typeof value === 'number' || typeof value === 'bigint') return value;
  const key = typeof value === 'string' ? value : JSON.stringify(value);
  const before = known.get(key);
  if (before === undefined && key.length < LONG && known.size < MANY) known.set(key, value);
  return before;
}

/** Nobody says that twice. */
const LONG = 4096;
/** Of a column that never says the same again, no more is remembered. */
const MANY = 1000;

function sizeOf(value: Value): number {
  if (typeof value === 'string') return value.length;
  if (value === null || typeof value !== 'object') return 8;
  return value.reduce((sum, text) => sum + text.length, 8);
}

function text(name: string, read: (event: AuditEvent) => string | undefined): Column {
  return {
    name,
    schema: [{ name, type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' }],
    read: (event) => {
      const value: unknown = read(event);
      return typeof value === 'string' ? value : null;
    },
  };
}

function texts(name: string, read: (event: AuditEvent) => readonly string[] | undefined): Column {
  return {
    name,
    schema: [
      { name, repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'LIST' },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      { name: 'element', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
    ],
    read: (event) => read(event) ?? null,
  };
}

function time(name: string, read: (event: AuditEvent) => string | undefined): Column {
  return {
    name,
    schema: [
      {
        name,
        type: 'INT64',
        repetition_type: 'OPTIONAL',
        logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MICROS' },
      },
    ],
    encoding: 'DELTA_BINARY_PACKED',
    isOrdered: true,
    read: (event) => {
      const value = micros(read(event) ?? '');
      return Number.isNaN(value) ? null : BigInt(value);
    },
  };
}

function json(name: string, read: (event: AuditEvent) => unknown): Column {
  return text(name, (event) => {
    const value = read(event);
    return value === undefined ? undefined : JSON.stringify(value);
  });
}

const COLUMNS: readonly Column[] = [
  time('time', ({ stageTimestamp }) => stageTimestamp),
  time('received', ({ requestReceivedTimestamp }) => requestReceivedTimestamp),
  { ...text('audit_id', ({ auditID }) => auditID), encoding: 'PLAIN' },
  text('stage', ({ stage }) => stage),
  text('level', ({ level }) => level),
  text('user', ({ user }) => user?.username),
  texts('groups', ({ user }) => user?.groups),
  text('impersonated_user', ({ impersonatedUser }) => impersonatedUser?.username),
  text('verb', ({ verb }) => verb),
  text('api_group', ({ objectRef }) => objectRef?.apiGroup),
  text('resource', ({ objectRef }) => objectRef?.resource),
  text('subresource', ({ objectRef }) => objectRef?.subresource),
  text('namespace', ({ objectRef }) => objectRef?.namespace),
  text('name', ({ objectRef }) => objectRef?.name),
  text('uri', ({ requestURI }) => requestURI),
  texts('source_ips', ({ sourceIPs }) => sourceIPs),
  text('user_agent', ({ userAgent }) => userAgent),
  {
    name: 'code',
    schema: [{ name: 'code', type: 'INT32', repetition_type: 'OPTIONAL' }],
    read: ({ responseStatus }) => {
      const code: unknown = responseStatus?.code;
      return typeof code === 'number' && (code | 0) === code ? code : null;
    },
  },
  text('reason', ({ responseStatus }) => responseStatus?.reason),
  text('decision', ({ annotations }) => annotations?.['authorization.k8s.io/decision']),
  json('annotations', ({ annotations }) => annotations),
  json('request_object', ({ requestObject }) => requestObject),
  json('response_object', ({ responseObject }) => responseObject),
];
