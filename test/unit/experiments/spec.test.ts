import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import * as z from 'zod';
import { PROVIDERS } from '../../../core/engine/runtime/runtime';
import { UserError } from '../../../core/errors';
import type { Method } from '../../../core/experiments/method';
import { createRegistry } from '../../../core/experiments/registry';
import { loadSpec, parseOverride, parseSpec, resolveSpec } from '../../../core/experiments/spec/spec';
import { methodSchema, specJsonSchema } from '../../../core/experiments/spec/schema';
import { arithmetic } from '../../fixtures/experiments/arithmetic';

const nothing = {
  plan: () => Promise.resolve({ stages: [] }),
  run: () => Promise.resolve(),
  fingerprint: () => Promise.resolve({}),
};
const unions: Method = {
  name: 'unions',
  title: 'Unions',
  summary: 'Has nested settings of every kind.',
  starting: [{ budgets: [] }],
  config: z.object({
    schedule: z
      .discriminatedUnion('kind', [
        z.object({ kind: z.literal('cosine'), warmup: z.number().default(0) }),
        z.object({ kind: z.literal('step'), drops: z.array(z.object({ at: z.number() })) }),
      ])
      .prefault({ kind: 'cosine' }),
    names: z.record(z.string(), z.number()).optional(),
  }),
  ...nothing,
};
const program: Method = {
  ...{ name: 'program', title: 'Program', summary: 'Starts a program of its own.', starting: [{ budgets: [] }] },
  ...{ config: z.object({}), ownProgram: true },
  ...nothing,
};
const registry = createRegistry([arithmetic, unions]);

describe('spec files', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'winnow-spec-'));
  });
  after(async () => {
    await rm(folder, { recursive: true });
  });
  const load = async (text: string, ...overrides: string[]) => {
    const file = path.join(folder, 'trial.winnow.json');
    await writeFile(file, text);
    return loadSpec(file, registry, overrides.map(parseOverride));
  };
  const rejects = (promise: Promise<unknown>, code: string, message: RegExp, hint = /./) =>
    assert.rejects(promise, (error) => {
      assert.ok(error instanceof UserError, String(error));
      assert.equal(error.code, code);
      assert.match(error.message, message);
      assert.match(error.hint, hint);
      return true;
    });

  it('fills defaults in, and takes comments and trailing commas', async () => {
    const spec = await load('{ // why\n "method": "arithmetic", "steps": 7, "device": {"threads": 2},\n}');
    assert.deepEqual(spec.resolved, {
      name: 'trial',
      method: 'arithmetic',
      seed: 0,
      device: { provider: 'cpu', threads: 2 },
      config: { steps: 7, checkpointEvery: 5, pause: 0, gateAt: 10, fault: 'none', optimizer: { learningRate: 0.1 } },
    });
    assert.equal(spec.baseDir, folder);
    assert.equal((await load('{"method": "arithmetic"}')).resolved.device.threads, availableParallelism());
  });

  it('points at a syntax error', async () => {
    await rejects(
      load('{\n  "method": "arithmetic"\n  "steps": 7\n}'),
      'spec.syntax',
      /trial\.winnow\.json:3:3: not valid JSON: comma expected/,
    );
    await rejects(load(''), 'spec.syntax', /trial\.winnow\.json:1:1/);
    await rejects(load('[1]'), 'spec.invalid', /one JSON object/);
  });

  it('reads a text that begins with a byte order mark, and says so where it is no UTF-8', async () => {
    assert.equal((await load('\ufeff{"method": "arithmetic"}')).method.name, 'arithmetic');
    await rejects(load('\ufeff{"method": 5 x}'), 'spec.syntax', /json:1:14: /);
    const utf16 = Buffer.from('\ufeff{"method": "arithmetic"}', 'utf16le').toString('latin1');
    await rejects(load(utf16), 'spec.unreadable', /is not UTF-8 text/);
  });

  it('suggests the key or method that was meant', async () => {
    await rejects(
      load('{"method": "arithmetic",\n "stpes": 7}'),
      'spec.unknown-key',
      /json:2:2: unknown key "stpes"/,
      /Did you mean "steps"\?/,
    );
    await rejects(
      load('{"method": "arithmetic", "optimizer": {"learningrate": 1}}'),
      'spec.unknown-key',
      /"optimizer\.learningrate"/,
      /"learningRate"/,
    );
    await rejects(
      load('{"method": "arithmetic", "device": {"thread": 1}}'),
      'spec.unknown-key',
      /"device\.thread"/,
      /"threads"/,
    );
    await rejects(load('{"method": "arithmetic", "zzz": 1}'), 'spec.unknown-key', /"zzz"/, /Known keys here: .*steps/);
    await rejects(
      load('{"method": "arithmetics"}'),
      'spec.unknown-method',
      /"arithmetics"/,
      /Did you mean "arithmetic"\?/,
    );
    await rejects(load('{}'), 'spec.no-method', /names no method/, /arithmetic, unions/);
  });

  it('looks for unknown keys in unions, arrays and records', async () => {
    const good = await load(
      '{"method": "unions", "schedule": {"kind": "step", "drops": [{"at": 1}]}, "names": {"any": 1}}',
    );
    assert.deepEqual(good.resolved.config.names, { any: 1 });
    await rejects(
      load('{"method": "unions", "schedule": {"kind": "step", "drops": [], "warmup": 1}}'),
      'spec.unknown-key',
      /"schedule\.warmup"/,
    );
    await rejects(
      load('{"method": "unions", "schedule": {"kind": "step", "drops": [{"at": 1}, {"att": 1}]}}'),
      'spec.unknown-key',
      /"schedule\.drops\.1\.att"/,
      /"at"/,
    );
  });

  it('says which value is wrong, where, and what it should be', async () => {
    await rejects(
      load('{"method": "arithmetic",\n\n  "steps": "many"}'),
      'spec.invalid',
      /json:3:3: "steps" is "many": .*number/,
    );
    await rejects(
      load('{"method": "arithmetic", "optimizer": {"learningRate": -1}}'),
      'spec.invalid',
      /"optimizer\.learningRate" is -1/,
    );
    await rejects(
      load('{"method": "arithmetic", "seed": 1.5, "steps": 0}'),
      'spec.invalid',
      /"seed" is 1\.5/,
      /Also: .*"steps" is 0/,
    );
    await rejects(
      load('{"method": "unions", "schedule": {"kind": "step"}}'),
      'spec.invalid',
      /"schedule\.drops" is missing/,
    );
    await rejects(
      load('{"method": "arithmetic", "device": {"provider": "abacus"}}'),
      'spec.invalid',
      /"device\.provider" is "abacus": .*webgpu/,
    );
  });

  it('refuses settings of a device that its provider does not have', async () => {
    await rejects(
      load('{"method": "arithmetic", "device": {"provider": "webgpu", "tf32": false}}'),
      'device.tf32',
      /:1:.*"device\.tf32" is false, but the provider is "webgpu"/,
      /"cuda"/,
    );
    const { resolved: tf32 } = await load('{"method": "arithmetic", "device": {"provider": "cuda", "tf32": false}}');
    assert.equal(tf32.device.tf32, false);
    const half = (provider: string, precision = 'float16') =>
      load(JSON.stringify({ method: 'arithmetic', device: { provider, precision } }));
    await rejects(
      half('cpu'),
      'device.precision',
      /:1:.*"device\.precision" is "float16", .*"cpu", .*slower/,
      /float32/,
    );
    for (const provider of ['tensorflow', 'coreml', 'dml'])
      await rejects(
        half(provider),
        'device.precision',
        new RegExp(`"${provider}": only "cuda" and "webgpu"`),
        /float32/,
      );
    await rejects(half('cuda', 'bfloat16'), 'spec.invalid', /"bfloat16": no provider .* use float16\./);
    await rejects(half('cuda', 'float8'), 'spec.invalid', /"device\.precision" is "float8"/);
    await rejects(
      Promise.resolve().then(() => {
        const value = { method: 'program', device: { provider: 'cuda', precision: 'float16' } };
        resolveSpec(value, 'a', createRegistry([program]), () => 'a');
      }),
      'device.precision',
      /starts a program/,
      /parameter/,
    );
    for (const provider of ['cuda', 'webgpu'])
      assert.equal((await half(provider)).resolved.device.precision, 'float16');
    // The default is not recorded.
    assert.equal('precision' in (await half('cpu', 'float32')).resolved.device, false);
  });

  it('may name every provider that the engine knows', async () => {
    const Schema = z.object({
      properties: z.object({
        device: z.object({ properties: z.object({ provider: z.object({ enum: z.array(z.string()) }) }) }),
      }),
    });
    const named = Schema.parse(specJsonSchema(registry)).properties.device.properties.provider.enum;
    assert.deepEqual(named, PROVIDERS);
    assert.ok(named.includes('tensorflow'));
    for (const provider of PROVIDERS) {
      const { resolved } = await load(JSON.stringify({ method: 'arithmetic', device: { provider } }));
      assert.equal(resolved.device.provider, provider);
    }
  });

  it('replaces values from the command line', async () => {
    const spec = await load(
      '{"method": "arithmetic"}',
      'steps=9',
      'optimizer.learningRate=0.5',
      'name=other',
      'device.threads=1',
    );
    assert.equal(spec.resolved.config.steps, 9);
    assert.deepEqual(spec.resolved.config.optimizer, { learningRate: 0.5 });
    assert.equal(spec.resolved.name, 'other');
    await rejects(load('{"method": "arithmetic"}', 'steps=x'), 'spec.invalid', /--set steps=x: "steps" is "x"/);
    await rejects(load('{"method": "arithmetic"}', 'step=1'), 'spec.unknown-key', /--set step=1/, /"steps"/);
    assert.throws(() => parseOverride('steps'), UserError);
    assert.throws(() => parseOverride('a..b=1'), UserError);
  });

  it('says that a file cannot be read', async () => {
    await rejects(loadSpec(path.join(folder, 'none.winnow.json'), registry), 'spec.unreadable', /none\.winnow\.json/);
  });

  it('gives editors one draft-7 schema with descriptions and defaults', () => {
    const schema = specJsonSchema(registry);
    assert.equal(schema.$schema, 'http://json-schema.org/draft-07/schema#');
    assert.deepEqual(schema.required, ['method']);
    const own = methodSchema(arithmetic);
    assert.deepEqual(own.properties.steps, {
      type: 'integer',
      exclusiveMinimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      default: 30,
      description: 'Steps to take.',
    });
    assert.equal(own.additionalProperties, false);
    assert.deepEqual(own.required, ['method']);
    assert.equal(schema.allOf?.length, 2);
    assert.match(JSON.stringify(schema), /"enum":\["arithmetic","unions"\]/);
  });

  it('refuses a method whose setting has the name of a common key', () => {
    const clash: Method = { ...unions, name: 'clash', config: z.object({ seed: z.number() }) };
    assert.throws(() => methodSchema(clash), /"seed"/);
  });

  it('refuses what JSON reads as something else than what is written, and names the place', () => {
    const read = (text: string) => () => parseSpec(text, 'a.winnow.json', registry);
    const refused: [text: string, code: string, said: RegExp][] = [
      [
        '{"method": "unions",\n "method": "arithmetic"}',
        'spec.duplicate-key',
        /:2:2: the key "method" stands here a second/,
      ],
      ['{"method": "unions", "names": {"a": 1, "a": 2}}', 'spec.duplicate-key', /the key "a"/],
      [
        '{"method": "arithmetic", "seed": 9007199254740993}',
        'spec.inexact-number',
        /9007199254740993 would be read as/,
      ],
      ['{"method": "unions", "names": {"a": [1, -1e400]}}', 'spec.inexact-number', /-1e400 would be read as -Infinity/],
    ];
    for (const [text, code, said] of refused)
      assert.throws(read(text), (error: unknown) => {
        assert.ok(error instanceof UserError && error.code === code, text);
        assert.match(error.message, said);
        return true;
      });
    read('{"method": "unions", "names": {"a": 9007199254740994, "b": 0.1234567890123456789, "c": 1e-400}}')();
    assert.equal(parseOverride('a=9007199254740993').value, '9007199254740993');
    assert.equal(parseOverride('a=1e400').value, '1e400');
    assert.equal(parseOverride('a= 12 ').value, 12);
  });

  it('refuses characters that no file and no program can be given, and names the place', () => {
    const texts = ['a\\u0000b', '\\u0000', 'a\\ud800', '\\udc00b'];
    const specs = texts.flatMap((text) => [
      `{"method": "arithmetic", "name": "${text}"}`,
      `{"method": "arithmetic", "tags": ["fine", "${text}"]}`,
      `{"method": "arithmetic", "input": "${text}"}`,
      `{"method": "arithmetic", "${text}": 1}`,
      `{"method": "${text}"}`,
    ]);
    for (const text of specs)
      assert.throws(
        () => parseSpec(text, 'a.winnow.json', registry),
        (error: unknown) =>
          error instanceof UserError &&
          error.code === 'spec.invalid' &&
          /^a\.winnow\.json:1:\d+: the (key|value of) .*(NUL character|half of a surrogate pair)/.test(error.message) &&
          !/[\0\p{Surrogate}]/u.test(error.message),
        text,
      );
    assert.throws(
      () => parseSpec('{"method": "arithmetic"}', 'a.winnow.json', registry, [parseOverride('name="a\\u0000"')]),
      /the value of "name" has a NUL character/,
    );
    const fine = parseSpec('{"method": "arithmetic", "notes": "a\\nb\\tc \\ud83d\\ude00"}', 'a.winnow.json', registry);
    assert.equal(fine.resolved.notes, 'a\nb\tc \u{1f600}');
  });
});
