import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as z from 'zod';
import { createRuntime } from '../../core/engine/runtime/create';
import { THREADS } from './model';
import type { Section } from './report';
import { fixed } from './report';
import { Training, type Subject } from './subject';

const STEPS = 12;
const SMALLEST_SHARE = 0.005;
/** Names of nodes in the body of a Scan, over blocks or over steps: see GraphBuilder.body. */
const IN_BLOCKS = /^(s\d+\.)?b\d+\./;
const IN_STEPS = /^s\d+\./;

/** ONNX Runtime's profile: a list of trace events, `dur` in microseconds; one per node and run is its computation. */
const Profile = z.array(
  z.looseObject({
    cat: z.string().optional(),
    name: z.string(),
    dur: z.number().optional(),
    args: z.looseObject({ op_name: z.string().optional() }).optional(),
  }),
);

interface OperatorShare {
  readonly operator: string;
  readonly nodes: number;
  readonly milliseconds: number;
  readonly share: number;
}

/** One kernel that was run. */
interface Kernel {
  readonly operator: string;
  readonly microseconds: number;
  /** It is part of a Scan, in whose time it is, too. */
  readonly inBlocks: boolean;
  /** It is a Scan over the steps of a run, which starts their kernels and none itself. */
  readonly isLoop: boolean;
}

/** The kernels in the profiles of a folder, in all runs. */
export async function kernelsOf(folder: string): Promise<Kernel[]> {
  const kernels: Kernel[] = [];
  for (const file of await readdir(folder)) {
    const events = Profile.parse(JSON.parse(await readFile(path.join(folder, file), 'utf8')));
    const hasSteps = events.some(({ name }) => IN_STEPS.test(name));
    for (const { name, dur = 0, args } of events)
      if (args?.op_name !== undefined && name.endsWith('_kernel_time'))
        kernels.push({
          operator: args.op_name,
          microseconds: dur,
          inBlocks: IN_BLOCKS.test(name),
          isLoop: hasSteps && args.op_name === 'Scan' && !IN_STEPS.test(name),
        });
  }
  return kernels;
}

/** Where the time of the training step goes, by type of operator. */
async function operatorShares(subject: Subject): Promise<OperatorShare[]> {
  const folder = await mkdtemp(path.join(tmpdir(), 'winnow-profile-'));
  try {
    const runtime = createRuntime({ threads: THREADS, profile: path.join(folder, 'ort') });
    await new Training(runtime, subject).advance(STEPS);
    await runtime.dispose();
    const totals = new Map<string, { count: number; microseconds: number }>();
    const add = (operator: string, more: number, duration: number) => {
      const { count, microseconds } = totals.get(operator) ?? { count: 0, microseconds: 0 };
      totals.set(operator, { count: count + more, microseconds: microseconds + duration });
    };
    for (const { operator, microseconds, inBlocks, isLoop } of await kernelsOf(folder)) {
      if (isLoop) continue;
      add(operator, 1, microseconds);
      if (inBlocks) add('Scan', 0, -microseconds);
    }
    const whole = [...totals.values()].reduce((sum, { microseconds }) => sum + microseconds, 0);
    return [...totals]
      .map(([operator, { count, microseconds }]) => ({
        operator,
        nodes: count / STEPS,
        milliseconds: microseconds / 1000 / STEPS,
        share: microseconds / whole,
      }))
      .sort((a, b) => b.share - a.share);
  } finally {
    await rm(folder, { recursive: true });
  }
}

export async function benchOperators(subject: Subject): Promise<Section> {
  const shares = await operatorShares(subject);
  const rest = shares.filter(({ share }) => share < SMALLEST_SHARE).reduce((sum, { share }) => sum + share, 0);
  return {
    title: `Where the training step of a ${subject.architecture} spends its time (profiled, which slows it)`,
    columns: [{ title: 'operator', align: 'left' }, { title: 'nodes' }, { title: 'ms' }, { title: 'share' }],
    rows: [
      ...shares
        .filter(({ share }) => share >= SMALLEST_SHARE)
        .map((row) => [row.operator, fixed(row.nodes, 0), fixed(row.milliseconds), `${fixed(row.share * 100)} %`]),
      ['others', '', '', `${fixed(rest * 100)} %`],
    ],
    data: shares,
  };
}
