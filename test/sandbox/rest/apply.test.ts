/** Who owns which field, and what server-side apply makes of it. */
import fc from 'fast-check';
import { applied } from '../../../src/sandbox/apiserver/rest/patch/apply';
import { afterUpdate, fieldValues, fromFieldsV1, toFieldsV1 } from '../../../src/sandbox/apiserver/rest/patch/fields';
import type { Obj } from '../../../src/sandbox/apiserver/rest/value';

const by = (manager: string) => ({ manager, time: '2026-01-01T00:00:00Z', apiVersion: 'apps/v1' });
const config = (replicas: number | undefined, image: string, labels: Obj = {}): Obj => ({
  metadata: { name: 'web', labels },
  spec: { ...(replicas === undefined ? {} : { replicas }), template: { spec: { containers: [{ name: 'c', image }] } } },
});
const managers = (object: Obj): [unknown, unknown][] =>
  ((object.metadata as Obj).managedFields as Obj[]).map(({ manager, operation }) => [manager, operation]);

test('FieldsV1 as the server writes it', () => {
  const [entry] = afterUpdate(undefined, config(1, 'i', { app: 'web' }), by('kubectl'));
  expect(entry).toMatchObject({
    manager: 'kubectl',
    operation: 'Update',
    fieldsType: 'FieldsV1',
    fieldsV1: {
      'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
      'f:spec': {
        'f:replicas': {},
        'f:template': { 'f:spec': { 'f:containers': { 'k:{"name":"c"}': { '.': {}, 'f:image': {}, 'f:name': {} } } } },
      },
    },
  });
});

test('fields go there and back', () => {
  const value = fc.letrec((tie) => ({
    leaf: fc.oneof(fc.string(), fc.integer(), fc.constant({})),
    node: fc.oneof(
      { maxDepth: 3 },
      tie('leaf'),
      fc.dictionary(fc.constantFrom('labels', 'spec', 'x', 'env'), tie('node'), { minKeys: 1 }),
    ),
  })).node;
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom('spec', 'data', 'y'), value), (object) => {
      const paths = [...fieldValues(object).keys()].sort();
      expect([...fromFieldsV1(toFieldsV1(paths))].sort()).toEqual(paths);
    }),
  );
});

test('what is left out of the next configuration goes; what others set stays', () => {
  const first = applied(undefined, config(1, 'a', { one: '1', two: '2' }), by('ci'), false);
  const touched: Obj = {
    ...first,
    metadata: { ...(first.metadata as Obj), labels: { one: '1', two: '2', mine: 'x' } },
  };
  (touched.metadata as Obj).managedFields = afterUpdate(first, touched, by('human'));
  const second = applied(touched, config(undefined, 'b', { one: '1' }), by('ci'), false);
  expect(second).toMatchObject({
    metadata: { labels: { one: '1', mine: 'x' } },
    spec: { template: { spec: { containers: [{ name: 'c', image: 'b' }] } } },
  });
  expect((second.metadata as Obj).labels).toEqual({ one: '1', mine: 'x' });
  expect(second.spec).not.toHaveProperty('replicas');
});

test('another manager’s field is a conflict that names it; by force it changes hands', () => {
  const live = config(3, 'a');
  (live.metadata as Obj).managedFields = afterUpdate(undefined, live, by('human'));
  const wanted = config(5, 'a');
  expect(() => applied(live, wanted, by('ci'), false)).toThrow(
    'Apply failed with 1 conflict: conflict with "human" using apps/v1: .spec.replicas',
  );
  expect(() => applied(live, config(5, 'b'), by('ci'), false)).toThrow(
    'Apply failed with 2 conflicts: conflicts with "human" using apps/v1:\n- .spec.replicas\n- .spec.template.spec.containers[name="c"].image',
  );
  const forced = applied(live, wanted, by('ci'), true);
  expect((forced.spec as Obj).replicas).toBe(5);
  expect(managers(forced)).toEqual([
    ['ci', 'Apply'],
    ['human', 'Update'],
  ]);
  const [, human] = (forced.metadata as Obj).managedFields as Obj[];
  expect(JSON.stringify(human)).not.toContain('f:replicas');
});

test('an item that only the applier named goes as a whole', () => {
  const two = {
    spec: {
      containers: [
        { name: 'a', image: 'i' },
        { name: 'b', image: 'i' },
      ],
    },
    metadata: { name: 'p' },
  };
  const one = { spec: { containers: [{ name: 'b', image: 'i' }] }, metadata: { name: 'p' } };
  const live = applied(undefined, two, by('ci'), false);
  expect((applied(live, one, by('ci'), false).spec as Obj).containers).toEqual([{ name: 'b', image: 'i' }]);
});

test('an update takes over what it changes, and nothing else', () => {
  const before = config(1, 'a');
  (before.metadata as Obj).managedFields = afterUpdate(undefined, before, by('one'));
  const after = { ...config(2, 'a'), metadata: before.metadata };
  const entries = afterUpdate(before, after, by('two'));
  expect(entries.map(({ manager }) => manager)).toEqual(['one', 'two']);
  expect(entries[1]!.fieldsV1).toEqual({ 'f:spec': { 'f:replicas': {} } });
  expect(JSON.stringify(entries[0]!.fieldsV1)).not.toContain('replicas');
});
