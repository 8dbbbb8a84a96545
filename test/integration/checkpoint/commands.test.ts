import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { describe, it } from 'node:test';
import * as z from 'zod';
import { writeModelFolder } from '../../../core/checkpoint/model-folder-writer';
import { float32Tensor, writeSafetensors } from '../../../core/checkpoint/safetensors-writer';
import { embeddedParent } from '../../../core/models/embedded';
import { tempFolder } from './temp-folder';

// Beside the tests' own folder, wherever the build put it.
const CLI = path.resolve(import.meta.dirname, '../../../cli.js');
const winnow = (...args: string[]) => spawnSync(process.execPath, [CLI, ...args], { encoding: 'utf8' });

function json<T>(schema: z.ZodType<T>, ...args: string[]): T {
  const { status, stdout, stderr } = winnow(...args, '--json');
  assert.equal(status, 0, stderr);
  return schema.parse(JSON.parse(stdout));
}

const PARENT = embeddedParent();

const narrow = (text: string) => {
  for (const line of text.split('\n')) assert.ok(line.length <= 80, line);
};

describe('winnow stats', () => {
  const Stats = z.object({
    statistics: z.array(z.object({ name: z.string(), elements: z.number(), mean: z.number() })),
    spectra: z.array(z.object({ name: z.string(), rows: z.number(), breakEvenRank: z.number() })).optional(),
  });

  it('describes all tensors, those of a module, or one; with singular values when asked to', () => {
    assert.equal(json(Stats, 'stats', PARENT).statistics.length, 56);
    const { statistics, spectra } = json(
      Stats,
      'stats',
      PARENT,
      'model.layers.1.self_attn',
      'model.norm',
      '--spectrum',
    );
    assert.deepEqual(
      statistics.map(({ name }) => name.split('.').at(-2)),
      ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'norm'],
    );
    assert.deepEqual(
      spectra?.map(({ rows, breakEvenRank }) => [rows, breakEvenRank]),
      [
        [256, 128],
        [128, 85],
        [128, 85],
        [256, 128],
      ],
    );
  });

  it('fits a terminal of 80 columns', () => {
    narrow(winnow('stats', PARENT).stdout);
    const { stdout } = winnow('stats', PARENT, 'model.layers.0.mlp', '--spectrum');
    narrow(stdout);
    assert.match(stdout, /effective rank +\d/);
  });

  it('puts tensors with NaN or Inf first, marked, with a sentence on top', async (t) => {
    const file = path.join(await tempFolder(t), 'damaged.safetensors');
    await writeSafetensors(file, [
      float32Tensor('a.weight', [2], Float32Array.of(1, 2)),
      float32Tensor('b.weight', [3], Float32Array.of(NaN, 0, Infinity)),
      float32Tensor('c.weight', [2], Float32Array.of(3, 4)),
    ]);
    const lines = winnow('stats', file).stdout.split('\n');
    assert.equal(lines[0], '1 of 3 tensors holds NaN or Inf.');
    assert.match(lines[1] ?? '', /NaN +Inf$/);
    assert.match(lines[2] ?? '', /^! b\.weight .* 1 +1$/);
    assert.match(lines[3] ?? '', /^a\.weight .* 0 +0$/);
    narrow(lines.join('\n'));
    const schema = z.object({ damaged: z.array(z.string()), statistics: z.array(z.object({ name: z.string() })) });
    const { damaged, statistics } = json(schema, 'stats', file);
    assert.deepEqual(damaged, ['b.weight']);
    assert.deepEqual(
      statistics.map(({ name }) => name),
      ['b.weight', 'a.weight', 'c.weight'],
    );
    assert.match(winnow('stats', PARENT).stdout, /^No NaN and no Inf in 56 tensors\.\n/);
  });

  it('says which name is none', () => {
    const { status, stderr } = winnow('stats', PARENT, 'model.nothing');
    assert.equal(status, 1);
    assert.match(stderr, /no tensor or module "model\.nothing"/);
  });
});

describe('winnow diff and winnow export', () => {
  const Diff = z.object({
    identical: z.number(),
    differences: z.array(z.object({ name: z.string(), relative: z.number() })),
  });

  it('a converted copy differs by rounding, and the same command shows it', async (t) => {
    const copy = path.join(await tempFolder(t), 'copy');
    const { tensors } = json(z.object({ tensors: z.number() }), 'export', PARENT, copy, '--dtype', 'BF16');
    assert.equal(tensors, 56);
    assert.deepEqual((await readdir(copy)).sort(), ['config.json', 'model.safetensors', 'tokenizer.json']);
    const { differences } = json(Diff, 'diff', PARENT, copy);
    assert.ok(differences.length > 50 && differences.every(({ relative }) => relative < 2 ** -8));
    const { stdout } = winnow('diff', PARENT, copy);
    // Paths of the two are shown in full.
    narrow(stdout.split('\n').slice(2).join('\n'));
    assert.match(stdout, /F16 -> BF16/);
    const { status, stderr } = winnow('export', PARENT, copy);
    assert.equal(status, 1);
    assert.match(stderr, /already exists/);
    assert.equal(winnow('export', PARENT, copy, '--dtype', 'F12').status, 2);
  });

  it('merges factors', async (t) => {
    const folder = await tempFolder(t);
    const from = path.join(folder, 'from');
    const tensors = [
      float32Tensor('l.u.weight', [2, 1], Float32Array.of(1, 2)),
      float32Tensor('l.v.weight', [1, 2], Float32Array.of(3, 4)),
    ];
    await writeModelFolder(from, { config: { winnow: { ranks: { l: 1 } } }, tensors });
    const merged = winnow('export', from, path.join(folder, 'to'), '--merge').stdout;
    assert.match(merged, /1 factored layers? merged/);
    assert.doesNotMatch(merged, /Winnow/);
    const factored = winnow('export', from, path.join(folder, 'factored')).stdout;
    assert.match(factored, /Only Winnow can load this folder, because of its factored layers.*--merge/);
    assert.match(winnow('export', '--help').stdout, /use\s+--merge/);
    assert.equal(json(Diff, 'diff', from, path.join(folder, 'to')).identical, 1);
  });
});
