import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFile, link, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DIGITS_VIT } from '../fixtures/digits-vit';
import { newRunId } from '../../core/experiments/run/directory';

/** 2026-01-01, and a run each minute from then on. */
const BEGIN = 1_767_225_600_000;
const MINUTE = 60_000;
/** Files that every run writes itself; the others of a copy are hard links, so that ten thousand copies fit on a disk. */
const OWN = new Set(['run.json', 'status.json', 'events.jsonl', 'log.txt']);

/** A comparison of small models: eight trials, four checkpoints, three artifacts. */
const SPEC = {
  name: 'small',
  method: 'skipvit',
  device: { provider: 'cpu', threads: 1 },
  model: DIGITS_VIT,
  data: { heldOutShare: 0.05 },
  epochs: 0.1,
  evaluateEvery: 0.05,
  training: { batchSize: 25, learningRate: 0.003 },
  seeds: 2,
  speedRounds: 2,
  skipRanges: [{ start: 1, end: 2 }],
  shares: [0.5],
  heatmap: { images: 20, every: 0.05 },
};

/** Executes a small comparison with the command line. @returns its directory */
export async function realRun(folder: string): Promise<string> {
  const spec = path.join(folder, 'small.winnow.json');
  await writeFile(spec, JSON.stringify(SPEC));
  const runs = path.join(folder, 'model');
  const cli = path.resolve('dist', 'cli.js');
  const { status, stderr } = spawnSync(process.execPath, [cli, 'run', spec, '--runs-dir', runs, '--json'], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  const [id] = (await readdir(runs)).filter((name) => !name.startsWith('.'));
  return path.join(runs, id!);
}

/** A folder of copies of a run, each with an id and a time of its own. */
export async function copyRuns(model: string, runsDir: string, count: number): Promise<void> {
  const entries = await readdir(model, { recursive: true, withFileTypes: true });
  const record = JSON.parse(await readFile(path.join(model, 'run.json'), 'utf8')) as object;
  await mkdir(runsDir, { recursive: true });
  for (let i = 0; i < count; i++) {
    const created = BEGIN + i * MINUTE;
    const id = newRunId('skipvit', created);
    const dir = path.join(runsDir, id);
    await mkdir(dir);
    for (const entry of entries) {
      const from = path.join(entry.parentPath, entry.name);
      const to = path.join(dir, path.relative(model, from));
      if (entry.isDirectory()) await mkdir(to, { recursive: true });
      else if (entry.name === 'run.json') await writeFile(to, JSON.stringify({ ...record, id, created }, undefined, 2));
      else await (OWN.has(entry.name) ? copyFile : link)(from, to);
    }
  }
}
