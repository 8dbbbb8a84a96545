import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { unseal } from '../../../core/checksum';
import { floats } from '../../../core/engine/host';
import { readRow } from '../../../core/experiments/library/run-row';
import { newSpecText } from '../../../core/experiments/spec/new';
import { startingFrom } from '../../../core/experiments/spec/start';
import { loadDecoder } from '../../../core/models/decoder/checkpoint';
import { fullName, linearLayers } from '../../../core/models/decoder/layout';
import { embeddedParent } from '../../../core/models/embedded';
import { results, type Results } from '../../../core/protocol/results';
import type { RunRow } from '../../../core/protocol/runs';
import { loadTradeoffs } from '../../../extension/panels/tradeoff-data';
import { RunArtifacts } from '../../../extension/run-artifacts';
import { MethodList } from '../../../extension/specs/methods';
import { story } from '../plrd/studio';
import { House } from './example';

const NAME = 'magnitude';
const MODELS = ['dense', 'magnitude-50pct', 'random-50pct'];
/** Two steps of two short sequences for each model. */
const SMALL = [
  'sparsities=[0.5]',
  'recoverTokens=128',
  'evaluationTokens=300',
  'data.blockLength=32',
  'data.heldOutShare=0.1',
  'training.batchSize=2',
  'device.threads=1',
].flatMap((setting) => ['--set', setting]);

describe('the example of docs/adding-a-method.md, added to the core', () => {
  let house: House;
  let methods: MethodList;
  /** What the wizard writes. */
  let spec: string;
  let row: RunRow;
  before(async () => {
    house = await House.open();
    await house.build();
    methods = new MethodList(house.at('dist/methods.json'));
    await methods.all();
    await mkdir(house.at('text'));
    for (let i = 0; i < 12; i++) await writeFile(house.at(`text/${i}.txt`), story(i));
    spec = house.at('mine.winnow.json');
  });
  after(() => house.close());

  it('is a folder of its own and an entry in the registry, and nothing else', () => {
    const { files, changes } = house.example;
    for (const file of files.keys()) assert.equal(path.posix.dirname(file), `core/methods/${NAME}`);
    for (const needed of ['index.ts', 'config.ts', 'pipeline.ts', 'README.md'])
      assert.ok(files.has(`core/methods/${NAME}/${needed}`), needed);
    assert.deepEqual([...changes.keys()], ['core/methods/index.ts']);
  });

  it('compiles, and imports only what a method may', () => {
    assert.deepEqual(house.typeErrors(), []);
    assert.equal(house.wallErrors(), '');
  });

  it('is in the schema, with the descriptions of its settings', async () => {
    const schema = await readFile(house.at('dist/winnow.schema.json'), 'utf8');
    assert.match(schema, /"magnitude"/);
    assert.match(schema, /Share of the weights of each linear layer that is set to zero/);
    house.winnow('validate', `core/methods/${NAME}/look.winnow.json`);
  });

  it('is offered by the wizard, whose spec is valid and can be planned', async () => {
    const method = methods.known.find(({ name }) => name === NAME);
    assert.ok(method);
    assert.equal(methods.unitsOf(NAME), 'tokens');
    const [start] = method.starting;
    assert.ok(start);
    const choices = { method: NAME, start, model: start.model?.embedded?.value, data: house.at('text') };
    for (const budget of start.budgets) {
      await writeFile(spec, newSpecText({ ...choices, budget }, spec));
      house.winnow('validate', spec);
    }
    const { plan } = JSON.parse(house.winnow('plan', spec, ...SMALL, '--set', 'seeds=1', '--json')) as {
      plan: { stages: string[]; tokens: number; seconds: number };
    };
    assert.deepEqual(
      plan.stages.map((stage) => stage.split(':')[0]),
      MODELS,
    );
    assert.equal(plan.tokens, 3 * 128);
    assert.ok(plan.seconds > 0);
  });

  it('runs, and shows its table', async () => {
    house.winnow('run', spec, ...SMALL, '--set', 'seeds=2');
    const { dir, results: json } = JSON.parse(house.winnow('show', 'latest', '--json')) as {
      dir: string;
      results: unknown;
    };
    row = (await readRow(dir))!;
    assert.equal(row.state, 'done');
    const table = house.winnow('show', 'latest');
    for (const model of MODELS) assert.match(table, new RegExp(`^ *${model} `, 'm'));
    assert.match(table, /loss \+: above the dense model of the same seed/);
    assert.match(table, /magnitude-50pct: loss \d\.\d{3} (lower|higher) than random-50pct\./);

    const { points }: Results = results.parse(json);
    const byName = new Map(points.map((point) => [point.name, point]));
    assert.deepEqual([...byName.keys()], MODELS);
    for (const { seeds } of points) assert.deepEqual(seeds, [0, 1]);
    assert.equal(byName.get('dense')!.values.sparsity, 0);
    const lossOf = async (model: string, seed: number) => {
      const text = await readFile(path.join(dir, 'trials', `${model}-seed-${seed}.json`), 'utf8');
      return (unseal(text) as { loss: number }).loss;
    };
    for (const model of MODELS.slice(1)) {
      const { values } = byName.get(model)!;
      assert.ok(Math.abs(values.sparsity! - 50) < 0.01, `${values.sparsity}`);
      assert.ok(values.nonzero! < byName.get('dense')!.values.nonzero!);
      const increases = [0, 1].map(async (seed) => (await lossOf(model, seed)) - (await lossOf('dense', seed)));
      const [first, second] = await Promise.all(increases);
      assert.equal(values.lossIncrease, (first! + second!) / 2);
    }
  });

  it('prunes the smallest weights, which stay zero while the others train', async () => {
    const parent = await loadDecoder(embeddedParent());
    const made = await loadDecoder(path.join(row.dir, 'checkpoints', 'magnitude-50pct-seed-0'));
    let trained = 0;
    for (const { name } of linearLayers(parent.config)) {
      const [before, after] = [parent, made].map(({ parameters }) => floats(parameters[fullName(name)]!));
      const order = Uint32Array.from(before!.keys()).sort(
        (a, b) => Math.abs(before![a]!) - Math.abs(before![b]!) || a - b,
      );
      const half = Math.round(order.length / 2);
      assert.ok(
        order.subarray(0, half).every((i) => after![i] === 0),
        name,
      );
      trained += order.subarray(half).filter((i) => after![i] !== before![i]).length;
    }
    assert.ok(trained > 1000, `${trained} weights changed`);
  });

  it('is in the tree and in the trade-off panel', async () => {
    const artifacts = new RunArtifacts(methods);
    assert.deepEqual(await artifacts.offered(row), ['tradeoff']);
    assert.match(methods.makersOf('tradeoff'), /magnitude/);
    const [run] = await loadTradeoffs(
      [row.dir],
      () => row,
      () => Promise.resolve('none'),
    );
    assert.equal(run?.problem, undefined);
    assert.equal(run?.method, NAME);
    assert.deepEqual(
      run.points.map(({ name, series, role }) => [name, series, role]),
      [
        ['dense', 'Dense', 'baseline'],
        ['magnitude-50pct', 'By magnitude', 'member'],
        ['random-50pct', 'At random', 'control'],
      ],
    );
    assert.deepEqual(
      run.axes.map(({ key }) => key),
      ['nonzero', 'sparsity', 'perplexity', 'accuracy', 'lossIncrease'],
    );
  });

  it('starts from a checkpoint that is dropped onto its spec', async () => {
    const { starting } = methods.known.find(({ name }) => name === NAME)!;
    const checkpoint = path.join(row.dir, 'checkpoints', 'magnitude-50pct-seed-0');
    assert.equal((await startingFrom(await readFile(spec, 'utf8'), spec, checkpoint, starting)).key, 'parent');
  });
});
