import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { exportCheckpoint } from '../../../core/checkpoint/export';
import { openSafetensorsFile } from '../../../core/checkpoint/safetensors';
import { withGrouping } from '../../../core/models/attention/config-keys';
import { parseVariant } from '../../../core/protocol/grouping';
import { loadDecoder, saveDecoder } from '../../../core/models/decoder/checkpoint';
import { parseDecoderConfig, withDecoderGrouping, withRanks } from '../../../core/models/decoder/config';
import { linearLayers } from '../../../core/models/decoder/layout';
import { loadVit, saveVit } from '../../../core/models/vit/checkpoint';
import { parseVitConfig } from '../../../core/models/vit/config';
import { largestDifference, logitsOf, randomIds, randomWeights, TINY, withRuntime } from '../../unit/models/tiny';
import { randomVit, TINY_VIT } from '../../unit/models/vit/tiny';

const PYTHON = process.env.WINNOW_PYTHON ?? 'python3';
const available = spawnSync(PYTHON, ['-c', 'import torch, transformers, safetensors.torch']).status === 0;
const skip = available ? false : `${PYTHON} has no transformers with torch (set WINNOW_PYTHON to one that has)`;

const TOKENIZER = '{"version":"1.0","added_tokens":[],"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}';
const META = { kind: 'model', step: 1, phase: 'test', metrics: {} } as const;
/** No two sizes are the same, heads are not hidden / heads wide. */
const LLAMA = {
  ...TINY,
  architectures: ['LlamaForCausalLM'],
  hidden_size: 40,
  head_dim: 16,
  attention_bias: true,
  transformers_version: '5.0.0',
};
const ids = randomIds(2 * 40, LLAMA.vocab_size, 4);

/** Tries to load each folder in each way, and writes the logits of those that are to load. */
const SCRIPT = `
import json, sys, torch, transformers
from safetensors.torch import save_file
root, folders, ids = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
transformers.logging.set_verbosity_error()
report = {}
for folder, auto in folders.items():
    ways = {"AutoConfig": transformers.AutoConfig, "AutoTokenizer": transformers.AutoTokenizer, auto: getattr(transformers, auto)}
    report[folder] = {}
    for name, way in ways.items():
        try:
            made = way.from_pretrained(f"{root}/{folder}")
            report[folder][name] = "loaded"
        except Exception as error:
            report[folder][name] = f"{type(error).__name__}: {error}"
            made = None
        if name == "AutoModelForCausalLM" and made is not None:
            with torch.no_grad():
                logits = made.float().eval()(torch.tensor(ids).reshape(2, -1)).logits
            save_file({"logits": logits.contiguous()}, f"{root}/{folder}.logits")
print(json.dumps(report))
`;

describe('What is exported, and what a run keeps, as transformers sees it', () => {
  let root: string;
  let report: Record<string, Record<string, string>>;
  const at = (name: string) => path.join(root, name);
  const json = async (folder: string) =>
    JSON.parse(await readFile(path.join(at(folder), 'config.json'), 'utf8')) as Record<string, unknown>;

  const saveLlama = async (name: string, config: Readonly<Record<string, unknown>>) => {
    const parameters = randomWeights(parseDecoderConfig(config), 3);
    await saveDecoder(at(name), {
      json: config,
      parameters,
      tokenizerFrom: Buffer.from(TOKENIZER),
      dtype: 'F32',
      meta: META,
    });
  };
  const saveImage = async (name: string, variant: string) => {
    const config = withGrouping(
      { ...TINY_VIT, architectures: ['ViTForImageClassification'] },
      parseVariant(variant, 6),
    );
    const vit = parseVitConfig(config);
    const normalization = { mean: [0, 0, 0], deviation: [1, 1, 1] };
    const parameters = randomVit(vit, 2);
    await saveVit(at(name), { config: vit, json: config, parameters, normalization, dtype: 'F32', meta: META });
  };

  before(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'winnow-export-'));
    const ranks = Object.fromEntries(
      linearLayers(parseDecoderConfig(LLAMA)).map(({ name, kind }, i) => [name, kind === 'k' ? 5 : 6 + (i % 3)]),
    );
    await saveLlama('member', withRanks(LLAMA, ranks));
    await exportCheckpoint(at('member'), at('unmerged'));
    await exportCheckpoint(at('member'), at('merged'), { merge: true });
    await saveLlama('shared', withDecoderGrouping(LLAMA, parseVariant('GQA-2+K=V', 4)));
    await exportCheckpoint(at('shared'), at('shared-merged'), { merge: true });
    await saveLlama('grouped', withDecoderGrouping(LLAMA, parseVariant('MQA', 4)));
    await saveImage('image', 'MHA');
    await saveImage('image-shared', 'GQKVA-3.2+K=V');
  });
  after(() => rm(root, { recursive: true, force: true }));

  it('says what it is', async () => {
    const named = async (folder: string) => {
      const { model_type, architectures } = await json(folder);
      return [model_type, ...(architectures as string[])];
    };
    const own = ['winnow_llama', 'WinnowLlamaForCausalLM'];
    for (const folder of ['member', 'unmerged', 'shared', 'shared-merged']) assert.deepEqual(await named(folder), own);
    for (const folder of ['merged', 'grouped']) assert.deepEqual(await named(folder), ['llama', 'LlamaForCausalLM']);
    assert.deepEqual(await named('image'), ['vit', 'ViTForImageClassification']);
    assert.deepEqual(await named('image-shared'), ['winnow_vit', 'WinnowViTForImageClassification']);
    assert.equal('winnow' in (await json('merged')), false);
    assert.equal((await json('unmerged')).transformers_version, '5.0.0');
  });

  it('tells whoever exports', async () => {
    const result = async (from: string, merge: boolean) =>
      (await exportCheckpoint(at(from), at(`${from}-${merge}`), { merge })).winnowOnly;
    assert.deepEqual(await result('member', false), ['factored layers']);
    assert.deepEqual(await result('member', true), []);
    assert.deepEqual(await result('shared', true), ['shared attention heads']);
    assert.deepEqual(await result('grouped', false), []);
    assert.deepEqual(await result('image', false), []);
  });

  it('is read by Winnow under either name: members of earlier versions have the name of their family', async () => {
    await cp(at('member'), at('old'), { recursive: true });
    const old = { ...(await json('member')), model_type: 'llama', architectures: ['LlamaForCausalLM'] };
    await writeFile(path.join(at('old'), 'config.json'), JSON.stringify(old));
    const [young, older] = [await loadDecoder(at('member')), await loadDecoder(at('old'))];
    assert.deepEqual(older.parameters, young.parameters);
    assert.deepEqual(older.json, young.json);
    assert.equal(young.json.model_type, 'llama');
    assert.equal((await loadVit(at('image-shared'))).config.grouping.sharedKeyValue, true);
  });

  it('gives the same logits merged and factored', async () => {
    const [factored, merged] = [await loadDecoder(at('member')), await loadDecoder(at('merged'))];
    await withRuntime(async (runtime) => {
      const a = await logitsOf(runtime, factored.config, factored.parameters, ids, 2);
      const b = await logitsOf(runtime, merged.config, merged.parameters, ids, 2);
      assert.ok(largestDifference(a, b) < 1e-4, `differ by ${largestDifference(a, b)}`);
    });
  });

  describe('transformers', { skip }, () => {
    before(() => {
      const folders = {
        member: 'AutoModelForCausalLM',
        unmerged: 'AutoModelForCausalLM',
        merged: 'AutoModelForCausalLM',
        shared: 'AutoModelForCausalLM',
        'shared-merged': 'AutoModelForCausalLM',
        grouped: 'AutoModelForCausalLM',
        image: 'AutoModelForImageClassification',
        'image-shared': 'AutoModelForImageClassification',
      };
      const args = ['-c', SCRIPT, root, JSON.stringify(folders), JSON.stringify(ids)];
      const run = spawnSync(PYTHON, args, { encoding: 'utf8' });
      assert.equal(run.status, 0, run.stderr);
      report = JSON.parse(run.stdout) as typeof report;
    });

    for (const folder of ['member', 'unmerged', 'shared', 'shared-merged', 'image-shared'])
      it(`refuses the ${folder}, whose weights it would make up, and reads its tokenizer`, () => {
        const { AutoConfig, AutoTokenizer, ...model } = report[folder]!;
        for (const error of [AutoConfig, ...Object.values(model)]) assert.match(error!, /ValueError: .*winnow_/s);
        if (!folder.startsWith('image')) assert.equal(AutoTokenizer, 'loaded');
      });

    for (const folder of ['merged', 'grouped'])
      it(`loads the ${folder} and computes what Winnow computes`, async () => {
        assert.equal(report[folder]!.AutoModelForCausalLM, 'loaded');
        const file = await openSafetensorsFile(at(`${folder}.logits`));
        const theirs = await file.readFloat32('logits');
        await file.close();
        assert.ok(Math.max(...theirs) > 2, 'logits this flat would hide a difference');
        const { config, parameters } = await loadDecoder(at(folder));
        const ours = await withRuntime((runtime) => logitsOf(runtime, config, parameters, ids, 2));
        assert.ok(largestDifference(ours, theirs) < 1e-4, `differ by ${largestDifference(ours, theirs)}`);
      });

    it('loads an image model whose heads are its own', () => {
      assert.equal(report.image!.AutoModelForImageClassification, 'loaded');
    });
  });
});
