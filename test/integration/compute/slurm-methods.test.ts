import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { LocalCompute } from '../../../core/compute/local';
import { readJob } from '../../../core/compute/slurm/job-file';
import { slurmSettings } from '../../../core/compute/slurm/settings';
import type { SshCompute } from '../../../core/compute/ssh/ssh';
import { sshTarget } from '../../../core/compute/targets';
import { createRegistry } from '../../../core/experiments/registry';
import { RunHistory } from '../../../core/experiments/run/history';
import { runPaths } from '../../../core/experiments/run/directory';
import { readEvents } from '../../../core/experiments/run/event-log';
import { readMirror } from '../../../core/experiments/run/mirror-file';
import { parseSpec, type Spec } from '../../../core/experiments/spec/spec';
import { methods } from '../../../core/methods';
import { readResults } from '../../../core/methods/read-results';
import { eventually } from '../../patience';
import { DIGITS_VIT } from '../../fixtures/digits-vit';
import { Cluster, lacking, remoteOn } from '../../servers/cluster';

const registry = createRegistry(methods);

/** Twelve trials: two variants with six seeds. */
const VISION = {
  method: 'skipvit',
  seed: 3,
  device: { threads: 1 },
  model: DIGITS_VIT,
  data: { heldOutShare: 0.05 },
  skipRanges: [{ start: 1, end: 2 }],
  controls: [],
  epochs: 0.05,
  evaluateEvery: 0.05,
  training: { batchSize: 25, learningRate: 3e-3 },
  seeds: 6,
  speedRounds: 0,
  heatmap: { images: 10, every: 0.05 },
};

/** A parent and two families of two sizes: the second member starts from the first, a smaller size from the whole. */
const FAMILY = {
  method: 'plrd',
  seed: 4,
  device: { threads: 1 },
  families: ['progressive', 'nested'],
  decomposition: 'plain',
  allocation: 'uniform',
  distillation: { weight: 0 },
  data: { blockLength: 32 },
  schedule: { values: [0.7, 0.5] },
  tokensPerStep: 512,
  training: { batchSize: 4 },
  controls: { truncation: false, oneShot: 'none', oneShotFamily: false },
  evaluation: { tokens: 512, cloze: 0, speed: false },
};

describe(
  'methods whose trials are jobs of Slurm',
  { concurrency: false, skip: lacking('sshd', 'slurmctld', 'slurmd', 'munged') },
  () => {
    let folder: string;
    let cluster: Cluster;
    let box: SshCompute;
    const here = new LocalCompute(path.resolve('dist', 'worker.js'), registry);
    before(async () => {
      folder = await mkdtemp(path.join(tmpdir(), 'winnow-methods-'));
      cluster = await Cluster.open({ SLURM: '1', CPUS: '4' });
      box = sshTarget(remoteOn(cluster, { slurm: slurmSettings.parse({ memory: '100M', grace: 0, concurrent: 3 }) }));
    });
    after(async () => {
      await box.client.close();
      await cluster.close();
      await rm(folder, { recursive: true, force: true });
    });

    const specOf = async (name: string, content: object): Promise<Spec> => {
      const file = path.join(folder, `${name}.winnow.json`);
      await writeFile(file, JSON.stringify(content));
      return parseSpec(JSON.stringify(content), file, registry);
    };
    const untilDone = (target: LocalCompute | SshCompute, dir: string) =>
      eventually(`${dir} to be done`, async () => {
        const { state, status } = await target.state(dir);
        assert.ok(!['failed', 'lost', 'stopped'].includes(state), status.reason?.message);
        return state === 'done';
      });
    /** All numbers that do not depend on a clock. */
    const numbersOf = async (dir: string) => {
      const results = (await readResults(dir))!;
      const measured = new Set(results.metrics.flatMap(({ key, measured: is }) => (is ? [key] : [])));
      const kept = (values: Readonly<Record<string, number>> = {}) =>
        Object.fromEntries(Object.entries(values).filter(([key]) => !measured.has(key)));
      const points = results.points.map((point) => ({
        ...point,
        values: kept(point.values),
        spread: kept(point.spread),
      }));
      return { ...results, points };
    };
    const curvesOf = async (dir: string) => {
      const { events, problems } = await readEvents(runPaths(dir).events);
      assert.deepEqual(problems, []);
      const { metrics, checkpoints, artifacts } = new RunHistory(events);
      const lines = [...metrics].map(
        ([phase, all]) => [phase, all.map(({ step, values }) => ({ step, values }))] as const,
      );
      return {
        lines: new Map(lines.sort(([a], [b]) => (a < b ? -1 : 1))),
        checkpoints: [...checkpoints.keys()].filter((name) => name !== 'last').sort(),
        artifacts: [...artifacts.keys()].sort(),
      };
    };

    for (const [name, content, trials, arrays] of [
      ['vision', VISION, 12, 1],
      ['family', FAMILY, 5, 2],
    ] as const)
      it(`${name}: the results and curves of one machine`, async () => {
        const spec = await specOf(name, content);
        const whole = await here.create(spec, path.join(folder, 'here'));
        await here.submit(whole);
        await untilDone(here, whole);
        const dir = await box.create(spec, path.join(folder, 'there'));
        await box.submit(dir);
        const there = path.join(cluster.home, path.relative('/root', (await readMirror(dir))!.from));
        const jobs = (await readJob(there))!;
        assert.deepEqual([jobs.trials.length, jobs.arrays.length], [trials, arrays]);
        await untilDone(box, dir);
        assert.deepEqual(await numbersOf(dir), await numbersOf(whole));
        assert.deepEqual(await curvesOf(dir), await curvesOf(whole));
        assert.deepEqual(await readFile(runPaths(dir).events), await readFile(path.join(there, 'events.jsonl')));
      });
  },
);
