import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { UserError } from '../../../core/errors';
import { branchSpec } from '../../../core/experiments/library/branch';
import { continuationOf, continuationsOf, originOf } from '../../../core/experiments/library/branch-origin';
import { createRegistry } from '../../../core/experiments/registry';
import { parseOverride, parseSpec } from '../../../core/experiments/spec/spec';
import { methods } from '../../../core/methods';
import { encodeRecord } from '../../../core/experiments/run/record';
import { recordOf } from '../../fixtures/experiments/records';
import { checkpoints } from '../../fixtures/models';

const registry = createRegistry(methods);

/** What can go on from each kind, besides `command`, which takes anything. */
const ABLE: Readonly<Record<string, readonly string[]>> = {
  decoder: ['plrd', 'swiftlearn'],
  member: ['plrd', 'swiftlearn'],
  nested: ['plrd', 'swiftlearn'],
  'last member': ['plrd', 'swiftlearn'],
  encoder: ['swiftlearn'],
  vit: ['skipvit', 'swiftlearn', 'gqkva'],
  'vit of colors': ['skipvit', 'swiftlearn', 'gqkva'],
  'vit with shared heads': ['skipvit', 'swiftlearn'],
  'vit of two blocks': ['skipvit', 'swiftlearn', 'gqkva'],
  'model of another type': [],
  'file of a program': [],
};

/** Settings of the runs that made the checkpoints, by method: far from the defaults, and not all of them fit. */
const SETTINGS: Readonly<Record<string, object>> = {
  plrd: {
    schedule: { by: 'ratio', values: [0.8, 0.65, 0.5, 0.4] },
    tokensPerStep: 60_000,
    layers: { skipBlocks: [0] },
  },
  skipvit: {
    model: { hidden_size: 32, num_attention_heads: 4, patch_size: 7, image_size: 28 },
    skipRanges: [{ start: 1, end: 5 }],
    epochs: 2,
  },
  gqkva: { variants: ['MHA', 'GKVA-2', 'GQA-3'], epochs: 2, skip: { start: 1, end: 9 } },
  swiftlearn: { keep: [0.2], epochs: 4 },
  command: { command: ['python', 'train.py'], parameters: { 'lr.head': 1, width: 3 }, cwd: 'scripts' },
};
/** The part of a swiftlearn run that says what it trained on. */
const DATA: Readonly<Record<string, object>> = {
  decoder: { language: { data: { blockLength: 64 } } },
  encoder: { texts: { maxLength: 32 } },
  vit: { images: { augment: { pad: 1 }, skip: { start: 1, end: 9 } } },
};

describe('a branch', () => {
  let folder = '';
  const dirs: Record<string, string> = {};
  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'winnow-branch-'));
    for (const name of ['scripts', 'specs']) await mkdir(path.join(folder, name));
    await writeFile(path.join(folder, 'scripts', 'train.py'), '');
    for (const [name, make] of Object.entries(checkpoints)) {
      dirs[name] = path.join(folder, 'models', name.replaceAll(' ', '-'));
      await make(dirs[name]);
    }
  });
  after(() => rm(folder, { recursive: true, force: true }));
  const file = () => path.join(folder, 'specs', 'next.winnow.json');
  /** The spec, valid as a text and to its method's own plan, as `winnow plan` and the editor check it. */
  const read = (text: string) => parseSpec(text, file(), registry).resolved;
  const check = async (text: string) => {
    const spec = parseSpec(text, file(), registry);
    await spec.method.plan(spec.method.config.parse(spec.resolved.config), { baseDir: spec.baseDir });
    return spec.resolved;
  };
  const fails = (work: Promise<unknown>, code: string, message: RegExp) =>
    assert.rejects(work, (error) => {
      assert.ok(error instanceof UserError, String(error));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
      return true;
    });

  for (const kind of Object.keys(checkpoints))
    it(`from a ${kind} is offered with the methods that can take it, and each spec can be run at once`, async () => {
      const origin = await originOf(dirs[kind]!);
      const able = continuationsOf(registry, origin);
      assert.deepEqual(
        able.map(({ method }) => method.name),
        [...ABLE[kind]!, 'command'],
      );
      for (const continuation of able) {
        const overrides = continuation.method.name === 'command' ? [parseOverride('command=["true"]')] : [];
        const text = await branchSpec(origin, continuation, registry, { file: file(), overrides });
        const { config } = await check(text);
        assert.match(JSON.stringify(config), new RegExp(`\\.\\./models/${path.basename(dirs[kind]!)}"`));
      }
    });

  /** Enough to have every method once, and what fits its model only in part. */
  for (const kind of ['decoder', 'last member', 'encoder', 'vit', 'vit with shared heads', 'file of a program'])
    it(`from a ${kind} keeps the settings of the run that made it, and each spec can be run at once`, async () => {
      const found = await originOf(dirs[kind]!);
      for (const continuation of continuationsOf(registry, found)) {
        const { method } = continuation;
        const data = method.name === 'swiftlearn' ? DATA[found.known!.kind.replace('grouped-', '')] : {};
        const config = method.config.parse({ ...SETTINGS[method.name], ...data }) as Record<string, unknown>;
        const run = recordOf(1, {
          baseDir: folder,
          spec: { ...recordOf(1).spec, method: method.name, seed: 7, config },
        });
        const origin = { ...found, run };
        assert.equal(continuationOf(registry, origin, undefined).method.name, method.name);
        const text = await branchSpec(origin, continuation, registry, { file: file() });
        // Writing it has planned it; a program's files are for the person to mend, and not looked at then.
        const resolved = method.name === 'command' ? await check(text) : read(text);
        assert.equal(resolved.seed, 7, method.name);
        if (method.name === 'plrd') assert.equal(resolved.config.tokensPerStep, 60_000);
        if (method.name === 'swiftlearn') assert.deepEqual(resolved.config.keep, [0.2]);
        // The program is started in the folder that it was started in, and its parameters are what they were.
        if (method.name === 'command') {
          assert.equal(resolved.config.cwd, '../scripts');
          assert.deepEqual(resolved.config.parameters, { 'lr.head': 1, width: 3 });
        }
      }
    });

  for (const kind of ['decoder', 'encoder', 'vit'])
    it(`from a ${kind} with settings of another run's kind of data takes the data over, and nothing else`, async () => {
      const found = await originOf(dirs[kind]!);
      const before = registry.get('pretrain');
      const config = before.config.parse({ data: { blockLength: 33 }, epochs: 9 }) as Record<string, unknown>;
      const run = recordOf(1, { baseDir: folder, spec: { ...recordOf(1).spec, method: 'pretrain', config } });
      for (const continuation of continuationsOf(registry, found)) {
        if (continuation.method.name === 'command') continue;
        const text = await branchSpec({ ...found, run }, continuation, registry, { file: file() });
        assert.equal(read(text).method, continuation.method.name);
        assert.equal(text.includes('"blockLength": 33'), found.known?.kind === 'decoder', text);
        assert.ok(!text.includes('"epochs": 9'));
      }
    });

  it('continues a family below the size of its member', async () => {
    const valuesOf = async (kind: string) => {
      const origin = await originOf(dirs[kind]!);
      const text = await branchSpec(origin, continuationOf(registry, origin, 'plrd'), registry, {
        file: file(),
        overrides: [parseOverride('schedule.values=[0.8,0.65,0.5,0.4]')],
      });
      return (read(text).config.schedule as { values: number[] }).values;
    };
    assert.deepEqual(await valuesOf('decoder'), [0.8, 0.65, 0.5, 0.4]);
    assert.deepEqual(await valuesOf('member'), [0.5, 0.4]);
    // Nothing of the schedule is below the last member: the same steps again, from its size.
    const again = await valuesOf('last member');
    assert.equal(again.length, 4);
    assert.ok(again[0]! < 0.4 && again[3]! > 0.1, String(again));
  });

  it('has schedules of ranks and of parameters as well', async () => {
    const origin = await originOf(dirs.member!);
    const plrd = continuationOf(registry, origin, 'plrd');
    for (const [by, values] of [
      ['rank', [100, 32, 16]],
      ['rank', [900, 800]],
      ['parameters', [9e6, 3e6, 2.5e6]],
      ['parameters', [9e6, 8e6]],
    ] as const) {
      const overrides = [parseOverride(`schedule=${JSON.stringify({ by, values })}`)];
      const text = await branchSpec(origin, plrd, registry, { file: file(), overrides });
      assert.equal((read(text).config.schedule as { by: string }).by, by);
    }
  });

  it('keeps shared heads, and compares only what the number of heads allows', async () => {
    const branch = async (kind: string, name: string) => {
      const origin = await originOf(dirs[kind]!);
      const text = await branchSpec(origin, continuationOf(registry, origin, name), registry, { file: file() });
      return read(text).config;
    };
    assert.equal((await branch('vit with shared heads', 'skipvit')).attention, 'GQA-2');
    assert.equal(
      ((await branch('vit with shared heads', 'swiftlearn')).images as { attention: string }).attention,
      'GQA-2',
    );
    // Three groups of four heads there are none.
    assert.deepEqual((await branch('vit', 'gqkva')).variants, ['MHA', 'MKVA', 'MQA']);
    assert.deepEqual((await branch('vit of two blocks', 'skipvit')).skipRanges, [{ start: 1, end: 2 }]);
    assert.equal(((await branch('vit of colors', 'skipvit')).data as { channels: number }).channels, 3);
  });

  it('says why a method cannot go on from a model, and which can', async () => {
    const which = async (kind: string, name?: string) => {
      const origin = await originOf(dirs[kind]!);
      return continuationOf(registry, origin, name);
    };
    await fails(
      which('vit', 'plrd'),
      'branch.other-kind',
      /"plrd" starts from a language model\. vit is a vision transformer\./,
    );
    await fails(which('encoder', 'gqkva'), 'branch.other-kind', /encoder is a text encoder/);
    await fails(which('vit with shared heads', 'gqkva'), 'branch.other-kind', /with shared attention heads/);
    await fails(which('model of another type', 'skipvit'), 'branch.other-kind', /type "clip"/);
    await fails(which('decoder', 'pretrain'), 'branch.no-model', /does not start from a model/);
    await fails(which('decoder'), 'branch.which-method', /Several methods/);
    assert.equal((await which('file of a program')).method.name, 'command');
    const origin = await originOf(dirs.decoder!);
    const command = continuationOf(registry, origin, 'command');
    await fails(branchSpec(origin, command, registry, { file: file() }), 'branch.incomplete', /"command" needs more/);
  });

  it('refuses a training that waits to be resumed, and takes a file of weights for its folder', async () => {
    const run = path.join(folder, 'runs', 'one');
    const last = path.join(run, 'checkpoints', 'last');
    await checkpoints.decoder!(last);
    await writeFile(path.join(run, 'run.json'), JSON.stringify(encodeRecord(recordOf(1), run)));
    await writeFile(path.join(last, 'meta.json'), JSON.stringify({ kind: 'training', step: 3 }));
    await fails(originOf(last), 'branch.training', /unfinished training/);
    const { model } = await originOf(path.join(dirs.vit!, 'model.safetensors'));
    assert.equal(model, dirs.vit);
  });

  it("of a program's checkpoint goes on from what the program wrote", async () => {
    const checkpoint = path.join(folder, 'runs', 'one', 'checkpoints', 'epoch-3');
    await mkdir(checkpoint, { recursive: true });
    const source = path.join(dirs['file of a program']!, 'epoch-3.pt');
    await writeFile(path.join(checkpoint, 'meta.json'), JSON.stringify({ kind: 'model', step: 3, source }));
    assert.equal((await originOf(checkpoint)).model, source);
  });
});
