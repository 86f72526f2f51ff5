/** docs/shipping/ is kept true, as far as that can be told without the programs: the files parse, and fit each other. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { FLUENT_BIT, VECTOR, VRL, wrong } from './shipping-options';

const read = (name: string): string => readFileSync(`docs/shipping/${name}`, 'utf8');
/** The rotated files as well: what was rotated while a shipper was down would be lost otherwise. */
const LOGS = '/var/log/kubernetes/audit/audit*.log';

interface Component {
  type: string;
  inputs?: string[];
  source?: string;
}

test('Vector: every input is there, every transform leads somewhere', () => {
  const { sources, transforms, sinks } = parse(read('vector.yaml')) as Record<string, Record<string, Component>>;
  const makers = { ...sources, ...transforms };
  const used = Object.values({ ...transforms, ...sinks }).flatMap(({ inputs }) => inputs ?? []);
  expect([...new Set(used)].sort()).toEqual(Object.keys(makers).sort());
  expect(sources!['audit']).toMatchObject({ type: 'file', include: [LOGS] });
  expect(Object.values(sinks!).map(({ type }) => type)).toEqual(['clickhouse', 'loki', 'elasticsearch']);
});

type Named = Record<string, unknown> & { name: string; type: string };

test('Fluent Bit: every option is one, and of its kind', () => {
  const { service, parsers, pipeline, ...others } = parse(read('fluent-bit.yaml')) as {
    service: Named;
    parsers: Named[];
    pipeline: Record<'inputs' | 'filters' | 'outputs', Named[]>;
  };
  expect(others).toEqual({});
  const problems = [
    ...wrong('service', service, FLUENT_BIT.service),
    ...parsers.flatMap((each) => wrong(each.name, each, FLUENT_BIT.parser)),
    ...(['inputs', 'filters', 'outputs'] as const).flatMap((part) =>
      pipeline[part].flatMap((each) => wrong(each.name, each, FLUENT_BIT[part][each.name])),
    ),
  ];
  expect(problems).toEqual([]);
});

/** The page's own part for the webhook as well: what is indented under a line that ends its paragraph with a colon. */
const onThePage = (): string =>
  [...readFileSync('docs/shipping.md', 'utf8').matchAll(/^ {4}(.*)$\n?|^(\s*)$\n/gm)]
    .map(([, line]) => line ?? '')
    .join('\n');

test('Vector: every option is one, and of its kind; the functions too, and those that may fail have their !', () => {
  const page = /^sources:\n(?: .*\n|\n)+transforms:\n(?: .*\n|\n)+/m.exec(onThePage())?.[0] ?? '';
  expect(page).toContain('http_server');
  for (const text of [read('vector.yaml'), page]) {
    const { data_dir, ...parts } = parse(text) as Record<string, Record<string, Named>> & { data_dir?: unknown };
    expect(['string', 'undefined']).toContain(typeof data_dir);
    const problems = Object.entries(parts).flatMap(([part, components]) =>
      Object.entries(components).flatMap(([name, each]) => wrong(`${part}.${name}`, each, VECTOR[part]?.[each.type])),
    );
    expect(problems).toEqual([]);
    for (const each of Object.values(parts.transforms ?? {})) {
      const code = String(each.source).replaceAll(/^ *#.*$|"[^"]*"/gm, '');
      for (const [, name = '', bang] of code.matchAll(/\b(\w+)(!?)\(/g))
        expect([name, bang === '!']).toEqual([name, VRL[name]]);
    }
  }
});

test('ClickHouse: the columns of the table are those that Vector sends', () => {
  const { transforms } = parse(read('vector.yaml')) as { transforms: Record<string, Component> };
  const sent = [...transforms['columns']!.source!.matchAll(/^ *"(\w+)":/gm)].map(([, name]) => name);
  const columns = [...read('clickhouse.sql').matchAll(/^ *`(\w+)`/gm)].map(([, name]) => name);
  expect(sent).toEqual(columns);
});

test('Fluent Bit: the parser is there, and every output gets what the input is tagged with', () => {
  const { parsers, pipeline } = parse(read('fluent-bit.yaml')) as {
    parsers: { name: string }[];
    pipeline: Record<'inputs' | 'filters' | 'outputs', Record<string, unknown>[]>;
  };
  const [input] = pipeline.inputs;
  expect(parsers.map(({ name }) => name)).toContain(input!['parser']);
  expect(input).toMatchObject({ name: 'tail', path: LOGS, exclude_path: '*.gz' });
  for (const each of [...pipeline.filters, ...pipeline.outputs]) expect(each['match']).toBe(input!['tag']);
});

test('OpenSearch: a template of fields that events have', () => {
  const { template } = JSON.parse(read('opensearch-template.json')) as {
    template: { mappings: { properties: Record<string, { properties?: object }> } };
  };
  const events = readFileSync('fixtures/logs/course.log', 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, Record<string, unknown> | undefined>);
  for (const [name, { properties }] of Object.entries(template.mappings.properties)) {
    if (name === 'node' || name === '@timestamp') continue;
    const found = events.filter((event) => event[name] !== undefined).map((event) => event[name]);
    expect([name, found.length > 0]).toEqual([name, true]);
    for (const inner of Object.keys(properties ?? {}))
      expect([name, inner, found.some((value) => value?.[inner] !== undefined)]).toEqual([name, inner, true]);
  }
});

test('the page names every file, and no others', () => {
  const named = [...readFileSync('docs/shipping.md', 'utf8').matchAll(/\]\((shipping\/[^)]+)\)/g)].map(
    ([, path]) => path!,
  );
  for (const path of named) expect(existsSync(`docs/${path}`)).toBe(true);
  expect([...new Set(named)].sort()).toEqual(
    readdirSync('docs/shipping')
      .map((name) => `shipping/${name}`)
      .sort(),
  );
});
