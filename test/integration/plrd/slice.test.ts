import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readMeta, requireIntact } from '../../../core/checkpoint/training-state';
import { readRecord } from '../../../core/experiments/run/directory';
import { readResults } from '../../../core/methods/read-results';
import { loadDecoder } from '../../../core/models/decoder/checkpoint';
import type { Ranks } from '../../../core/models/decoder/config';
import { leadingParameters } from '../../../core/models/decoder/nested';
import { DATA, PARENT, Studio, tokensOf, TRAINING } from './studio';

const CLI = path.resolve('dist', 'cli.js');
/** The sizes of the nested model; the folder of the largest is the whole model, those of the others are plain factored models. */
const SIZES = ['nested-45pct', 'nested-35pct', 'nested-25pct'] as const;

describe('winnow slice', () => {
  let studio: Studio;
  /** The run, and the nested model that it made. */
  let run = '';
  let nested = '';
  let sizes: Ranks[] = [];

  const winnow = async (...args: string[]) => {
    const child = spawn(process.execPath, [CLI, ...args], { cwd: studio.folder });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const [status] = (await once(child, 'close')) as [number | null];
    return { status, stdout, stderr };
  };
  const json = async (...args: string[]) => {
    const { status, stdout, stderr } = await winnow(...args, '--json');
    assert.equal(status, 0, stdout + stderr);
    return JSON.parse(stdout) as Record<string, unknown>;
  };
  const failure = async (...args: string[]) => {
    const { status, stdout } = await winnow(...args, '--json');
    assert.notEqual(status, 0);
    return (JSON.parse(stdout) as { error: { code: string; message: string; hint: string } }).error;
  };

  before(async () => {
    studio = await Studio.open();
    await studio.parent({ epochs: 1 });
    const spec = {
      method: 'plrd',
      parent: PARENT,
      data: DATA,
      schedule: { values: [0.45, 0.35, 0.25] },
      rankMultiple: 1,
      tokensPerStep: tokensOf(8),
      training: TRAINING,
      controls: { truncation: false, oneShot: 'none' },
      evaluation: { tokens: 1500, cloze: 8, speed: true },
      device: { threads: 1 },
    };
    await writeFile(path.join(studio.folder, 'family.winnow.json'), JSON.stringify(spec));
    run = (await json('run', 'family.winnow.json')).dir as string;
    nested = path.join(run, 'checkpoints', SIZES[0]);
    sizes = [...(await loadDecoder(nested)).config.nested];
    assert.equal(sizes.length, 3);
    await writeFile(path.join(nested, 'chat_template.jinja'), '{{ messages }}');
  });
  after(() => studio.close());

  it('evaluates a size exactly as the run evaluated the member of this size', async () => {
    const results = await readResults(run);
    for (const [i, name] of SIZES.entries()) {
      const { values } = results!.points.find((point) => point.name === name)!;
      const slice = await json('slice', nested, '--parameters', String(values.parameters), '--evaluate', '--dry-run');
      assert.equal(slice.trained, true);
      assert.equal(slice.folder, null);
      assert.deepEqual(slice.ranks, sizes[i]);
      const now = slice.values as Record<string, number>;
      for (const key of ['perplexity', 'loss', 'bitsPerByte', 'accuracy', 'choice', 'parameters', 'linearShare'])
        assert.equal(now[key], values[key], `${name}: ${key}`);
      assert.equal(now.flopsPerToken, values.flopsPerToken);
      // What was measured by a clock, or happened before, is not repeated.
      for (const key of ['generateTokensPerSecond', 'trainTokensPerSecond', 'truncationError'])
        assert.ok(!(key in now), key);
    }
    assert.deepEqual(
      (await readdir(path.join(run, 'checkpoints'))).filter((name) => name.startsWith('slice')),
      [],
    );
  });

  it('writes a trained size: its leading components bit for bit, all other files, and where it comes from', async () => {
    const file = path.join(studio.folder, 'ranks.json');
    await writeFile(file, JSON.stringify(sizes[1]));
    const out = path.join(studio.folder, 'made', 'medium');
    const slice = await json('slice', nested, '--ranks', file, '--out', out, '--evaluate');
    assert.deepEqual([slice.folder, slice.trained], [out, true]);
    const [whole, made] = [await loadDecoder(nested), await loadDecoder(out)];
    assert.deepEqual(made.config.ranks, sizes[1]);
    assert.deepEqual(made.config.nested, []);
    assert.deepEqual(made.parameters, leadingParameters(whole.parameters, sizes[0]!, sizes[1]!));
    for (const name of ['tokenizer.json', 'chat_template.jinja'])
      assert.deepEqual(await readFile(path.join(out, name)), await readFile(path.join(nested, name)), name);
    const meta = (await readMeta(out))!;
    await requireIntact(out, meta);
    const source = (await readMeta(nested))!;
    assert.deepEqual([meta.kind, meta.step, meta.phase], ['model', source.step, source.phase]);
    assert.equal(meta.metrics['heldOut/perplexity'], (slice.values as Record<string, number>).perplexity);
    assert.equal(meta.metrics.parameters, slice.parameters);
    assert.match(meta.parent!, /^[0-9a-f]{64}$/);
  });

  it('writes any size between, which can be sampled, exported, merged and branched from', async () => {
    const { stdout } = await winnow('slice', nested, '--size', '30%');
    const out = path.join(run, 'checkpoints', 'slice-30pct');
    assert.match(stdout, /slice-30pct: .* parameters .*, 2\d\.\d% of the linear parameters, ranks \d+–\d+/);
    assert.match(stdout, /not trained at this size/);
    assert.equal((await winnow('sample', out, '--prompt', 'Anna', '--tokens', '4')).status, 0);
    assert.equal((await winnow('inspect', out)).stdout.includes('nested model'), false);
    assert.match((await winnow('inspect', nested)).stdout, /A nested model with 3 trained sizes/);
    const merged = path.join(studio.folder, 'merged');
    assert.equal((await winnow('export', out, merged, '--merge')).status, 0);
    assert.deepEqual((await loadDecoder(merged)).config.ranks, {});
    await json('branch', out, 'next');
    assert.equal((await winnow('validate', 'next.winnow.json')).status, 0);
    const text = await readFile(path.join(studio.folder, 'next.winnow.json'), 'utf8');
    assert.match(text, /slice-30pct/);
  });

  it('refuses what the model does not have, by name and with the range', async () => {
    const large = await failure('slice', nested, '--size', '0.9');
    assert.equal(large.code, 'slice.too-large');
    assert.match(large.message, /^0\.9 of the linear parameters is more than the largest size .* has: 0\.4\d+ /);
    assert.match(large.hint, /from 0\.\d+ of the linear parameters to 0\.4/);
    const small = await failure('slice', nested, '--parameters', '100');
    assert.equal(small.code, 'slice.too-small');
    assert.match(small.hint, /from [\d,]+ parameters to [\d,]+ parameters/);
    assert.equal((await failure('slice', nested, '--flops', '1')).code, 'slice.too-small');
    assert.equal((await failure('slice', nested)).code, 'slice.which');
    assert.equal((await failure('slice', nested, '--size', '0.3', '--flops', '1M')).code, 'slice.which');
    const usage = await winnow('slice', nested, '--size', 'big');
    assert.equal(usage.status, 2);
    const plain = await failure('slice', path.join(run, 'checkpoints', SIZES[1]), '--size', '0.3');
    assert.equal(plain.code, 'slice.not-nested');
    assert.match(plain.message, /factored model of one size/);
    assert.match(plain.hint, /plrd/);
    const full = await failure('slice', path.join(studio.folder, PARENT), '--size', '0.3');
    assert.match(full.message, /full model/);
    const taken = path.join(studio.folder, 'taken');
    await mkdir(taken);
    await writeFile(path.join(taken, 'mine.txt'), 'mine');
    for (const more of [[], ['--evaluate']])
      assert.equal((await failure('slice', nested, '--size', '0.3', '--out', taken, ...more)).code, 'slice.exists');
    assert.deepEqual(await readdir(taken), ['mine.txt']);
  });

  it('refuses a table of ranks that does not fit', async () => {
    const file = path.join(studio.folder, 'bad.json');
    const refused = async (content: string, message: RegExp) => {
      await writeFile(file, content);
      const { code, message: said } = await failure('slice', nested, '--ranks', file, '--dry-run');
      assert.equal(code, 'slice.ranks');
      assert.match(said, message);
    };
    const [first] = Object.keys(sizes[0]!);
    await refused('[]', /is not a table of ranks/);
    await refused('{', /is not a table of ranks/);
    await refused('{"q": 1.5}', /"q" is not a rank/);
    await refused('{"w": 3}', /no factored layer "w"/);
    await refused(JSON.stringify({ ...sizes[1], [first!]: 1000 }), /cannot have the rank 1000/);
    await refused(JSON.stringify({ q: sizes[1]![first!] }), /has no rank for/);
  });

  it('evaluates only where the text is the one of the run', async () => {
    const outside = path.join(studio.folder, 'outside');
    await cp(nested, outside, { recursive: true });
    assert.equal((await failure('slice', outside, '--size', '0.3', '--evaluate')).code, 'slice.no-run');
    const file = path.join(studio.folder, 'text', '0.txt');
    const text = await readFile(file);
    await writeFile(file, 'something else');
    try {
      const { code, message } = await failure('slice', nested, '--size', '0.3', '--evaluate', '--dry-run');
      assert.equal(code, 'evaluate.changed');
      assert.match(message, /data changed/);
    } finally {
      await writeFile(file, text);
    }
    assert.equal((await readRecord(run)).spec.method, 'plrd');
    await rm(outside, { recursive: true });
  });

  it('a nested folder is exported with its sizes, merged without them, and branched from as its largest size', async () => {
    const copy = path.join(studio.folder, 'copy');
    assert.equal((await winnow('export', nested, copy, '--dtype', 'F32')).status, 0);
    assert.deepEqual((await loadDecoder(copy)).config.nested, sizes);
    const merged = path.join(studio.folder, 'nested-merged');
    assert.equal((await winnow('export', nested, merged, '--merge')).status, 0);
    const { json: config, config: decoder } = await loadDecoder(merged);
    assert.deepEqual([decoder.ranks, decoder.nested, 'winnow' in config], [{}, [], false]);
    assert.equal((await winnow('sample', nested, '--prompt', 'Anna', '--tokens', '4')).status, 0);
    await json('branch', nested, 'further');
    assert.equal((await winnow('plan', 'further.winnow.json')).status, 0);
  });
});
