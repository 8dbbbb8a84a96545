import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, it } from 'node:test';
import { placeInSpec, withCurrentKeys } from '../../../core/experiments/spec/former-keys';
import { specJsonSchema } from '../../../core/experiments/spec/schema';
import { parseOverride, parseSpec } from '../../../core/experiments/spec/spec';
import { methodOf } from '../../../core/experiments/run/launch';
import { createRegistry } from '../../../core/experiments/registry';
import { methods } from '../../../core/methods';

const registry = createRegistry(methods);
const FILE = path.resolve('old.winnow.json');
const read = (text: string, ...overrides: string[]) => parseSpec(text, FILE, registry, overrides.map(parseOverride));

const OLD = `{
  "method": "skipvit",
  "windows": [
    { "leave": 1, "return": 5 },
    { "start": 2, "return": 3 }
  ],
  "map": { "images": 0 }
}`;

describe('settings that were renamed', () => {
  it('are replaced from the command line under either name, whichever the file has', () => {
    const imagesOf = (text: string, override: string) => read(text, override).resolved.config.heatmap;
    const now = '{ "method": "skipvit", "heatmap": { "images": 0 } }';
    const former = '{ "method": "skipvit", "map": { "images": 0 } }';
    for (const text of [now, former, '{ "method": "skipvit" }'])
      for (const key of ['heatmap.images', 'map.images'])
        assert.deepEqual(imagesOf(text, `${key}=3`), { images: 3, every: 2 }, `${text} ${key}`);
  });

  it('are read under their former names, and it is said where they stand', () => {
    const { resolved, renamed } = read(OLD);
    assert.deepEqual(resolved.config.skipRanges, [
      { start: 1, end: 5 },
      { start: 2, end: 3 },
    ]);
    assert.deepEqual(resolved.config.heatmap, { images: 0, every: 2 });
    assert.deepEqual(
      renamed.map((text) => path.basename(text)),
      [
        'old.winnow.json:3:3: "windows" is now called "skipRanges".',
        'old.winnow.json:4:7: "windows.0.leave" is now called "skipRanges.0.start".',
        'old.winnow.json:4:19: "windows.0.return" is now called "skipRanges.0.end".',
        'old.winnow.json:5:19: "windows.1.return" is now called "skipRanges.1.end".',
        'old.winnow.json:7:3: "map" is now called "heatmap".',
      ],
    );
    const skip = (method: string, settings: string) => read(`{ "method": "${method}", ${settings} }`).resolved.config;
    const old = '"skip": { "leave": 2, "return": 4 }';
    assert.deepEqual(skip('gqkva', old).skip, { start: 2, end: 4, share: 0.55 });
    assert.deepEqual((skip('swiftlearn', `"images": { ${old} }`).images as { skip: unknown }).skip, {
      start: 2,
      end: 4,
      share: 0.55,
    });
    assert.equal(read('{ "method": "pretrain", "neighbours": 0 }').resolved.config.neighbors, 0);
    assert.deepEqual(read('{ "method": "skipvit" }').renamed, []);
  });

  it('from the command line, too', () => {
    const { resolved, renamed } = read('{ "method": "skipvit" }', 'map.images=3');
    assert.deepEqual(resolved.config.heatmap, { images: 3, every: 2 });
    assert.deepEqual(renamed, ['--set map.images=3: "map" is now called "heatmap".']);
  });

  it('must not have both their names', () => {
    assert.throws(() => read('{ "method": "skipvit", "map": {}, "heatmap": {} }'), {
      code: 'spec.renamed-key',
      message: /old\.winnow\.json:1:24: "map" is the former name of "heatmap"/,
    });
    assert.throws(() => read('{ "method": "gqkva", "skip": { "leave": 1, "start": 1, "end": 2 } }'), {
      code: 'spec.renamed-key',
      message: /"skip\.leave" is the former name of "skip\.start"/,
    });
  });

  it('are found in the text where they are wrong', () => {
    assert.throws(() => read(OLD.replace('"leave": 1', '"leave": -1')), {
      code: 'spec.invalid',
      message: /:4:7: "skipRanges\.0\.start" is -1/,
    });
    assert.throws(() => read(OLD.replace('"leave"', '"leaves"')), { message: /:4:7: unknown key/ });
  });

  it('are read in the record of an older run', () => {
    const { resolved } = read('{ "method": "gqkva", "skip": { "start": 2, "end": 4 } }');
    const old = { ...resolved, config: { ...resolved.config, skip: { leave: 2, return: 4, share: 0.5 } } };
    const { config } = methodOf(old, registry);
    assert.deepEqual((config as { skip: unknown }).skip, { start: 2, end: 4, share: 0.5 });
  });

  it('are in the schema for editors, which says what they are called now', () => {
    const schema = JSON.stringify(specJsonSchema(registry));
    for (const name of ['skipRanges', 'start', 'end', 'heatmap'])
      assert.ok(schema.includes(`"deprecationMessage":"Now called \\"${name}\\"."`), name);
  });

  it('are left alone where they are of another shape', () => {
    const former = { 'a.*.b': 'c', 'd.e': 'f' };
    for (const settings of [{ a: 1 }, { a: { b: 1 } }, { a: [1, null, 'b'] }, { d: [{ e: 1 }] }, { e: 1 }])
      assert.deepEqual(withCurrentKeys(settings, former), { settings, found: [] });
    assert.deepEqual(placeInSpec(['x', 0], []), ['x', 0]);
  });
});
