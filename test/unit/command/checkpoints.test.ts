import assert from 'node:assert/strict';
import { appendFile, mkdir, mkdtemp, readdir, rename, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { float32Tensor, writeSafetensors } from '../../../core/checkpoint/safetensors-writer';
import { CheckpointFinder, stepNamed } from '../../../core/methods/command/checkpoints';
import { completenessOf } from '../../../core/methods/command/completeness';
import { howEnded } from '../../../core/methods/command/ended';
import { find } from '../../../core/methods/command/metrics/found';
import { Measured } from '../../../core/methods/command/metrics/measured';
import { Neighbors } from '../../../core/methods/command/neighbors';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'winnow-checkpoints-'));
  await mkdir(at('run', 'checkpoints'), { recursive: true });
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const at = (...parts: string[]) => path.join(folder, ...parts);
const write = async (name: string, content: string | Buffer) => {
  await mkdir(path.dirname(at(name)), { recursive: true });
  await writeFile(at(name), content);
};
const weights = async (name: string, bytes = 4096) => {
  await mkdir(path.dirname(at(name)), { recursive: true });
  await writeSafetensors(at(name), [float32Tensor('w', [bytes / 4], new Float32Array(bytes / 4))]);
};
/** As PyTorch and NumPy end their files: the list of what is inside. */
const zip = Buffer.concat([
  Buffer.from('PK\u0003\u0004'),
  Buffer.alloc(500, 1),
  Buffer.from('PK\u0005\u0006'),
  Buffer.alloc(18),
]);

describe('completeness', () => {
  const stateOf = async (name: string, ...others: string[]) => {
    const { state, reason = '' } = await completenessOf(
      at(name),
      others.map((other) => at(other)),
    );
    return state === 'torn' ? reason : state;
  };

  it('safetensors: as long as the header says', async () => {
    await weights('a.safetensors');
    assert.equal(await stateOf('a.safetensors'), 'whole');
    await truncate(at('a.safetensors'), 4000);
    assert.match(await stateOf('a.safetensors'), /a\.safetensors is shorter than its header says/);
    await truncate(at('a.safetensors'), 20);
    assert.match(await stateOf('a.safetensors'), /shorter/);
    await write('b.safetensors', Buffer.alloc(5000));
    assert.match(await stateOf('b.safetensors'), /no header/);
  });

  it("PyTorch's and NumPy's files: they have their end", async () => {
    await write('a.pt', zip);
    assert.equal(await stateOf('a.pt'), 'whole');
    await write('b.pt', zip.subarray(0, -10));
    assert.match(await stateOf('b.pt'), /b\.pt is cut off/);
    const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }".padEnd(117) + '\n';
    const array = Buffer.concat([
      Buffer.from('\u0093NUMPY\u0001\u0000', 'latin1'),
      Buffer.of(118, 0),
      Buffer.from(header),
      Buffer.alloc(48),
    ]);
    await write('a.npy', array);
    assert.equal(await stateOf('a.npy'), 'whole');
    await write('a.npy', array.subarray(0, -1));
    assert.match(await stateOf('a.npy'), /is cut off/);
  });

  it('folders: every file, every part that an index names, everything that the others have', async () => {
    await weights('checkpoint-1/model.safetensors');
    await write('checkpoint-1/trainer_state.json', '{"best": NaN, "log": []}');
    await write('checkpoint-1/global_step1/rank_0.pt', zip);
    assert.equal(await stateOf('checkpoint-1'), 'whole');
    await weights('checkpoint-20/model.safetensors');
    await write('checkpoint-20/global_step20/rank_0.pt', zip);
    assert.equal(await stateOf('checkpoint-20'), 'whole');
    assert.match(await stateOf('checkpoint-20', 'checkpoint-1'), /lacks trainer_state\.json, which checkpoint-1 has/);
    await write('checkpoint-20/trainer_state.json', '{"best": NaN, "lo');
    assert.match(await stateOf('checkpoint-20', 'checkpoint-1'), /trainer_state\.json is cut off/);
    await write('checkpoint-20/trainer_state.json', '{}');
    assert.equal(await stateOf('checkpoint-20', 'checkpoint-1'), 'whole');
    await write('sharded/model.safetensors.index.json', '{"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}}');
    await weights('sharded/1.safetensors');
    assert.match(await stateOf('sharded'), /2\.safetensors, which model\.safetensors\.index\.json lists, is missing/);
    await mkdir(at('empty'));
    assert.match(await stateOf('empty'), /no files/);
  });

  it('formats that do not tell: unknown, or as long as another of that name', async () => {
    await write('c-1/w', 'x'.repeat(1000));
    await write('c-2/w', 'x'.repeat(60));
    assert.equal(await stateOf('c-2', 'c-1'), 'unknown');
    await write('c-2/w', 'y'.repeat(1000));
    assert.equal(await stateOf('c-2', 'c-1'), 'whole');
    await write('c-2/w.tmp', 'y');
    assert.match(await stateOf('c-2/w.tmp'), /marks it as unfinished/);
    await write('nothing.bin', '');
    assert.match(await stateOf('nothing.bin'), /empty/);
  });
});

it('how a program ended', () => {
  assert.deepEqual(
    [
      { code: 0, signal: null },
      { code: 1, signal: null },
      { code: 130, signal: null },
      { code: 143, signal: null },
      { code: 137, signal: null },
      { code: 139, signal: null },
      { code: null, signal: 'SIGKILL' as const },
      { code: null, signal: 'SIGINT' as const },
    ].map(howEnded),
    ['finished', 'stopped', 'stopped', 'stopped', 'killed', 'killed', 'killed', 'killed'],
  );
});

describe('checkpoints of a program', () => {
  const finder = () =>
    new CheckpointFinder(
      async () => find(['out/*'], [folder], { directories: true, without: at('run') }),
      at('run'),
      new Neighbors(folder, 'run'),
    );
  const names = (found: readonly { name: string }[]) => found.map(({ name }) => name);
  const measured = new Measured();
  measured.add(10, { loss: 1 });
  const ofRun = async () => (await readdir(at('run', 'checkpoints'))).sort();
  const latest = (found: CheckpointFinder) => found.latest && path.basename(found.latest);

  /** A run with one settled checkpoint, and what its program writes after that. */
  async function begun(): Promise<CheckpointFinder> {
    const found = finder();
    await found.begin(measured);
    await write('out/checkpoint-1/w', 'x'.repeat(1000));
    assert.deepEqual(names(await found.look(measured)), []);
    assert.deepEqual(names(await found.look(measured)), ['checkpoint-1']);
    return found;
  }

  it('one that was being written when its program was killed is none, and the run says so', async () => {
    const found = await begun();
    await write('out/checkpoint-2/w', 'x'.repeat(60));
    await found.look(measured);
    await appendFile(at('out/checkpoint-2/w'), 'x');
    assert.deepEqual(await found.look(measured, 'killed'), []);
    assert.equal(latest(found), 'checkpoint-1');
    assert.deepEqual(await ofRun(), ['checkpoint-1']);
    assert.deepEqual(found.takeRemarks(), [
      'checkpoint-2 is not used: it was still being written when the program ended and may be incomplete. Resuming continues from checkpoint-1.',
    ]);
    assert.deepEqual(found.takeRemarks(), []);
    // The next attempt writes it once more.
    const next = finder();
    await next.begin(measured);
    assert.equal(latest(next), 'checkpoint-1');
    assert.deepEqual(names(await next.look(measured, 'finished')), []);
    await write('out/checkpoint-2/w', 'x'.repeat(1000));
    assert.deepEqual(names(await next.look(measured, 'finished')), ['checkpoint-2']);
  });

  it('one that settled before, or whose bytes say that it is whole, is one', async () => {
    const found = await begun();
    await write('out/checkpoint-2/w', 'z'.repeat(60));
    await found.look(measured);
    await weights('out/step-3.safetensors');
    assert.deepEqual(names(await found.look(measured, 'killed')), ['checkpoint-2', 'step-3.safetensors']);
    assert.deepEqual(found.takeRemarks(), []);
    assert.equal(latest(found), 'step-3.safetensors');
  });

  it('a pause in writing does not make it whole', async () => {
    const found = await begun();
    await weights('out/step-3.safetensors');
    await truncate(at('out/step-3.safetensors'), 3000);
    await found.look(measured);
    assert.deepEqual(names(await found.look(measured)), ['step-3.safetensors']);
    assert.deepEqual(await found.look(measured, 'killed'), []);
    assert.equal(latest(found), 'checkpoint-1');
    assert.deepEqual(await ofRun(), ['checkpoint-1']);
    assert.match(
      found.takeRemarks().join(),
      /step-3\.safetensors is not used: step-3\.safetensors is shorter .* from checkpoint-1/,
    );
  });

  it('the only one is used, with a word; one that is torn never', async () => {
    const found = finder();
    await found.begin(measured);
    await write('out/a.bin', 'x'.repeat(60));
    assert.deepEqual(names(await found.look(measured, 'killed')), ['a.bin']);
    assert.match(
      found.takeRemarks().join(),
      /^a\.bin was written just before the program ended and may be incomplete.*from the beginning\.$/,
    );
    await rm(at('out'), { recursive: true });
    await rm(at('run', 'checkpoints', 'a.bin'), { recursive: true });
    const other = finder();
    await other.begin(measured);
    await write('out/a.pt', zip.subarray(0, 100));
    assert.deepEqual(await other.look(measured, 'killed'), []);
    assert.equal(other.latest, undefined);
    assert.match(
      other.takeRemarks().join(),
      /a\.pt is not used: a\.pt is cut off\. Resuming continues from the beginning\./,
    );
  });

  it('a program that ended itself had the time: its last is used, with a word; after a good end without one', async () => {
    const stopped = await begun();
    await write('out/checkpoint-2/w', 'x'.repeat(60));
    assert.deepEqual(names(await stopped.look(measured, 'stopped')), ['checkpoint-2']);
    assert.match(
      stopped.takeRemarks().join(),
      /checkpoint-2 was written just before .* resume again from checkpoint-1/,
    );
    await write('out/checkpoint-3/w', 'x'.repeat(70));
    assert.deepEqual(names(await stopped.look(measured, 'finished')), ['checkpoint-3']);
    assert.deepEqual(stopped.takeRemarks(), []);
  });

  it('one place that is written over and over: half of the next is not the last', async () => {
    const found = await begun();
    await write('out/last.bin', 'x'.repeat(500));
    await found.look(measured);
    assert.deepEqual(names(await found.look(measured)), ['last.bin']);
    await write('out/last.bin', 'y'.repeat(50));
    assert.deepEqual(await found.look(measured, 'killed'), []);
    assert.equal(latest(found), 'checkpoint-1');
    assert.deepEqual(await ofRun(), ['checkpoint-1']);
    assert.match(found.takeRemarks().join(), /last\.bin is not used/);
  });

  describe('when the worker is killed too', () => {
    /** Times as a file system has them: files of this attempt are not older than it. */
    const cut = () => ({ since: Date.now() - 1000, until: Date.now() + 1000 });

    it('what it had no time to see is looked at by the next', async () => {
      await begun();
      await weights('out/step-3.safetensors');
      await write('out/half.pt', zip.subarray(0, 100));
      await write('out/opaque', 'x');
      const next = finder();
      assert.deepEqual(names(await next.begin(measured, cut())), ['step-3.safetensors']);
      assert.equal(latest(next), 'step-3.safetensors');
      const said = next.takeRemarks().join('\n');
      assert.match(said, /half\.pt is not used: half\.pt is cut off/);
      assert.match(said, /opaque is not used: .*may be incomplete\. Resuming continues from step-3\.safetensors/);
    });

    it('a checkpoint that was changing is not the one that it was', async () => {
      await begun();
      await weights('out/last.safetensors');
      const first = finder();
      await first.begin(measured, cut());
      assert.equal(latest(first), 'last.safetensors');
      await truncate(at('out/last.safetensors'), 3000);
      const next = finder();
      await next.begin(measured, cut());
      assert.equal(latest(next), 'checkpoint-1');
      assert.deepEqual(await ofRun(), ['checkpoint-1']);
    });

    it("what is older is another run's; a run that was copied keeps its checkpoints", async () => {
      await write('out/theirs.pt', zip);
      await utimes(at('out/theirs.pt'), 1e9, 1e9);
      const found = finder();
      assert.deepEqual(await found.begin(measured, cut()), []);
      assert.equal(found.latest, undefined);
      await begun();
      await utimes(at('out/checkpoint-1/w'), 2e9, 2e9);
      const copied = finder();
      await copied.begin(measured);
      assert.equal(latest(copied), 'checkpoint-1');
      assert.deepEqual(copied.takeRemarks(), []);
    });
  });

  it('a name that says that it is being written is none until it is renamed', async () => {
    const found = await begun();
    await write('out/tmp-checkpoint-2/w', 'x'.repeat(10));
    await write('out/c.pt.tmp', zip);
    assert.deepEqual(names(await found.look(measured, 'finished')), []);
    await rename(at('out/c.pt.tmp'), at('out/c.pt'));
    assert.deepEqual(names(await found.look(measured, 'finished')), ['c.pt']);
  });
});

describe('metrics of a checkpoint', () => {
  it('are those of its step, in whatever order they came, of earlier attempts too', () => {
    const all = new Measured();
    all.recall(1, { loss: 9, old: 3 });
    for (const [step, loss] of [
      [50, 5],
      [20, 2],
      [60, 6],
      [50, 7],
      [55, NaN],
    ] as const)
      all.add(step, { loss });
    assert.deepEqual(all.at(56), { loss: 7, old: 3 });
    assert.deepEqual(all.at(20), { loss: 2, old: 3 });
    assert.deepEqual(all.at(0), {});
    assert.equal(all.step, 60);
    assert.deepEqual(
      [all.has('loss', 1, 9, 'earlier'), all.has('loss', 1, 9, 'now'), all.has('loss', 55, NaN, 'now')],
      [true, false, true],
    );
  });
});

describe('the step of a checkpoint', () => {
  const steps = (latest: number, ...names: string[]) => names.map((name) => stepNamed(name, latest));

  it('is what its name says', () => {
    assert.deepEqual(
      steps(9, 'checkpoint-500', 'epoch=3-step=1200.ckpt', 'model_10.safetensors', 'iter_0000040', 'ckpt-7.pt'),
      [500, 1200, 10, 40, 7],
    );
  });

  it('is an epoch only where the run counts epochs', () => {
    assert.deepEqual(steps(3, 'epoch=3.ckpt', 'epoch_2.pt', 'epoch4'), [3, 2, 4]);
    assert.deepEqual(steps(1200, 'epoch=3.ckpt', 'epoch_2.pt', 'epoch4'), [1200, 1200, 1200]);
  });

  it('is the latest where its name says nothing', () => {
    assert.deepEqual(steps(40, 'best.pt', 'last.ckpt', 'v2'), [40, 40, 40]);
  });
});
