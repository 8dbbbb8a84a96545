import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { readStatus } from '../../core/experiments/run/status';
import { Random } from '../../core/random';
import { workerOf } from '../fixtures/experiments/records';

// The built command line and worker, as a person gets them.
const CLI = path.resolve('dist', 'cli.js');

const Run = z.object({ id: z.string(), dir: z.string(), state: z.string() });

describe('a real training that is killed at random moments', () => {
  let dir: string;

  const winnow = (...args: string[]) => {
    const result = spawnSync(process.execPath, [CLI, ...args, '--json', '--runs-dir', path.join(dir, 'runs')], {
      encoding: 'utf8',
      cwd: dir,
    });
    assert.equal(result.status, 0, `winnow ${args.join(' ')}: ${result.stdout}${result.stderr}`);
    return Run.parse(JSON.parse(result.stdout));
  };

  before(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'winnow-e2e-'));
    await writeCorpus(path.join(dir, 'corpus'));
    const common = {
      data: { source: 'corpus', blockLength: 32, heldOutShare: 0.1 },
      // A checkpoint after every step or two, so that most kills have one to go back to.
      training: { batchSize: 4, checkpointSeconds: 0.05 },
    };
    const model = {
      hidden_size: 32,
      intermediate_size: 64,
      num_hidden_layers: 2,
      num_attention_heads: 4,
      num_key_value_heads: 2,
    };
    await writeSpec('parent', { ...common, method: 'pretrain', model, vocabulary: 400, epochs: 25, evaluateEvery: 50 });
    await writeSpec('family', {
      ...common,
      method: 'plrd',
      parent: 'parent',
      schedule: { values: [0.7, 0.4] },
      rankMultiple: 2,
      tokensPerStep: 16000,
      families: ['nested', 'progressive'],
      controls: { truncation: false, oneShot: 'none', oneShotFamily: false },
      evaluation: { cloze: 0, speed: false },
    });
    const { dir: run } = winnow('run', 'parent.winnow.json');
    await cp(path.join(run, 'checkpoints', 'final'), path.join(dir, 'parent'), { recursive: true });
  });

  after(() => rm(dir, { recursive: true, force: true }));

  const writeSpec = (name: string, spec: object) =>
    writeFile(
      path.join(dir, `${name}.winnow.json`),
      JSON.stringify({ name, seed: 3, device: { threads: 2 }, ...spec }),
    );

  for (const [spec, seed] of [
    ['parent', 1],
    ['family', 2],
  ] as const)
    it(`${spec}: ends with the same weights as one that was left alone`, async () => {
      const whole = winnow('run', `${spec}.winnow.json`);
      const random = new Random(seed);
      let run = winnow('run', `${spec}.winnow.json`, '--detach');
      let kills = 0;
      while (run.state !== 'done') {
        const left = kills < 4;
        if (left) {
          await sleep(300 + 900 * random.uniform());
          if (await killWorker(run.dir)) kills++;
        } else await sleep(200);
        run = winnow('show', run.id);
        assert.ok(['running', 'lost', 'done'].includes(run.state), `the run is ${run.state}`);
        if (run.state === 'lost') run = winnow('resume', run.id, '--detach');
      }
      assert.ok(kills > 0, `the run was over after ${kills} kills`);
      const expected = await weightsOf(whole.dir);
      assert.ok(expected.size > 0);
      assert.deepEqual(await weightsOf(run.dir), expected);
      assert.deepEqual(
        (await readdir(run.dir, { recursive: true })).filter((name) => name.includes('.partial-')),
        [],
      );
    });
});

/** kill -9, as a power cut would; false when the worker had ended by itself. */
async function killWorker(run: string): Promise<boolean> {
  const { worker } = await readStatus(path.join(run, 'status.json'));
  if (!worker) return false;
  try {
    process.kill(workerOf({ worker }).pid, 'SIGKILL');
    return true;
  } catch {
    return false;
  }
}

/** SHA-256 of the weights of each checkpoint of a run. */
async function weightsOf(run: string): Promise<Map<string, string>> {
  const folder = path.join(run, 'checkpoints');
  const hashes = new Map<string, string>();
  for (const name of (await readdir(folder)).sort()) {
    const bytes = await readFile(path.join(folder, name, 'model.safetensors'));
    hashes.set(name, createHash('sha256').update(bytes).digest('hex'));
  }
  return hashes;
}

/** Made-up sentences, enough for a small vocabulary and a few hundred blocks. */
async function writeCorpus(folder: string): Promise<void> {
  const words =
    'the grain wind falls from a basket over stone floors and light chaff drifts away while heavy seeds stay near'.split(
      ' ',
    );
  const random = new Random(9);
  await mkdir(folder);
  for (let file = 0; file < 12; file++) {
    const sentences = Array.from({ length: 60 }, () => {
      const sentence = Array.from({ length: 5 + random.int(9) }, () => words[random.int(words.length)]!).join(' ');
      return `${sentence[0]!.toUpperCase()}${sentence.slice(1)}.`;
    });
    await writeFile(path.join(folder, `${file}.txt`), sentences.join(' '));
  }
}
