/**
 * The options that docs/shipping/ may name, and of what kind each is: written down from the programs' own references, Fluent Bit
 * 5.1 and Vector 0.58. An option that is not here is misspelt, or has yet to be looked up.
 */
export type Kind =
  'text' | 'on/off' | 'boolean' | 'number' | 'size' | 'list' | readonly string[] | { readonly [name: string]: Kind };
export type Options = Readonly<Record<string, Kind>>;

const output: Options = {
  name: 'text',
  match: 'text',
  host: 'text',
  port: 'number',
  tls: 'on/off',
  'tls.verify': 'on/off',
  'tls.ca_file': 'text',
  http_user: 'text',
  http_passwd: 'text',
  retry_limit: ['no_limits'],
  workers: 'number',
  'storage.total_limit_size': 'size',
};

type Plugins = Readonly<Record<string, Options>>;

export const FLUENT_BIT: {
  service: Options;
  parser: Options;
  inputs: Plugins;
  filters: Plugins;
  outputs: Plugins;
} = {
  service: {
    flush: 'number',
    log_level: ['error', 'warning', 'info', 'debug', 'trace'],
    'storage.path': 'text',
    'storage.sync': ['normal', 'full'],
    'storage.backlog.mem_limit': 'size',
  },
  parser: {
    name: 'text',
    format: ['json', 'regex', 'ltsv', 'logfmt'],
    time_key: 'text',
    time_format: 'text',
    time_keep: 'on/off',
  },
  inputs: {
    tail: {
      name: 'text',
      tag: 'text',
      path: 'text',
      exclude_path: 'text',
      db: 'text',
      rotate_wait: 'number',
      refresh_interval: 'number',
      read_from_head: 'on/off',
      parser: 'text',
      buffer_chunk_size: 'size',
      buffer_max_size: 'size',
      skip_long_lines: 'on/off',
      'storage.type': ['memory', 'filesystem'],
    },
  },
  filters: { record_modifier: { name: 'text', match: 'text', record: 'text', remove_key: 'list' } },
  outputs: {
    loki: {
      ...output,
      labels: 'text',
      label_keys: 'text',
      remove_keys: 'text',
      line_format: ['json', 'key_value'],
      structured_metadata: 'text',
      compress: ['gzip'],
    },
    opensearch: {
      ...output,
      logstash_format: 'on/off',
      logstash_prefix: 'text',
      suppress_type_name: 'on/off',
      time_key_nanos: 'on/off',
      generate_id: 'on/off',
      buffer_size: 'size',
      trace_error: 'on/off',
      replace_dots: 'on/off',
      compress: ['gzip'],
    },
  },
};

const tls: Options = {
  enabled: 'boolean',
  ca_file: 'text',
  crt_file: 'text',
  key_file: 'text',
  verify_certificate: 'boolean',
};
const sink: Options = {
  type: 'text',
  inputs: 'list',
  acknowledgements: { enabled: 'boolean' },
  buffer: { type: ['disk', 'memory'], max_size: 'number', when_full: ['block', 'drop_newest'] },
  auth: { strategy: ['basic', 'bearer'], user: 'text', password: 'text' },
  tls,
};

export const VECTOR: Readonly<Record<string, Plugins>> = {
  secret: { directory: { type: 'text', path: 'text', remove_trailing_whitespace: 'boolean' } },
  sources: {
    file: {
      type: 'text',
      include: 'list',
      exclude: 'list',
      read_from: ['beginning', 'end'],
      fingerprint: { strategy: ['checksum', 'device_and_inode'], lines: 'number' },
      max_line_bytes: 'number',
    },
    http_server: {
      type: 'text',
      address: 'text',
      path: 'text',
      decoding: { codec: ['json', 'bytes'] },
      tls,
    },
  },
  transforms: { remap: { type: 'text', inputs: 'list', drop_on_error: 'boolean', source: 'text' } },
  sinks: {
    clickhouse: {
      ...sink,
      endpoint: 'text',
      database: 'text',
      table: 'text',
      format: ['json_each_row', 'json_as_object', 'json_as_string'],
      skip_unknown_fields: 'boolean',
      date_time_best_effort: 'boolean',
    },
    loki: {
      ...sink,
      endpoint: 'text',
      encoding: { codec: ['json', 'text', 'logfmt'], except_fields: 'list' },
      labels: { job: 'text', node: 'text', verb: 'text' },
      out_of_order_action: ['accept', 'drop', 'rewrite_timestamp'],
    },
    elasticsearch: {
      ...sink,
      endpoints: 'list',
      api_version: ['auto', 'v6', 'v7', 'v8'],
      mode: ['bulk', 'data_stream'],
      bulk: { action: ['create', 'index', 'update'], index: 'text' },
      id_key: 'text',
      request_retry_partial: 'boolean',
      encoding: { except_fields: 'list', only_fields: 'list' },
    },
  },
};

/** VRL: the functions, and whether a call may fail; one that may is called with `!`. */
export const VRL: Readonly<Record<string, boolean>> = {
  get_hostname: true,
  parse_json: true,
  parse_timestamp: true,
  object: true,
  string: true,
  unnest: true,
  del: false,
  sha2: false,
  encode_json: false,
};

/** What is wrong with these settings, by the name of each. */
export function wrong(where: string, given: Record<string, unknown>, known: Options | undefined): string[] {
  if (known === undefined) return [`${where}: no such component`];
  return Object.entries(given).flatMap(([name, value]) => {
    const kind = known[name];
    const at = `${where}.${name}`;
    if (kind === undefined) return [`${at}: no such option`];
    if (fits(value, kind)) return [];
    if (typeof kind === 'object' && !isList(kind) && typeof value === 'object' && value !== null)
      return wrong(at, value as Record<string, unknown>, kind);
    return [`${at}: ${JSON.stringify(value)} is not ${JSON.stringify(kind)}`];
  });
}

const isList = (kind: Kind): kind is readonly string[] => Array.isArray(kind);

function fits(value: unknown, kind: Kind): boolean {
  if (kind === 'text') return typeof value === 'string';
  if (kind === 'on/off') return typeof value === 'boolean' || value === 'on' || value === 'off';
  if (kind === 'boolean') return typeof value === 'boolean';
  if (kind === 'number') return typeof value === 'number';
  if (kind === 'size') return typeof value === 'string' && /^\d+[KMG]$/.test(value);
  if (kind === 'list') return Array.isArray(value) && value.every((each) => typeof each === 'string');
  return isList(kind) && typeof value === 'string' && kind.includes(value);
}
