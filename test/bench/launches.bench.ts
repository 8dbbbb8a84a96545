import { OrtRuntime } from '../../core/engine/runtime/ort';
import { formatBytes } from '../../core/protocol/format';
import { gpuSubjects } from './gpu-subjects';
import { launchesOf } from './launches';
import { THREADS } from './model';
import type { Goal, Section } from './report';
import { fixed } from './report';
import { trafficOf, type Traffic } from './traffic';

const TARGETS = ['cpu', 'cuda', 'webgpu'] as const;
/** Steps of a call, for what crosses the bus. */
const CALLS = [1, 4, 16] as const;
const GOAL = { model: 'decoder', target: 'cuda', limit: 300 };

/**
 * How many kernels a training step of each kind of model launches (the graphs that are made for GPUs, run on the CPU), and how many bytes
 * cross the bus to and from a GPU for it.
 */
export async function benchLaunches(): Promise<Section> {
  const counts: Record<string, Record<string, number>> = {};
  const traffic: Record<string, Traffic> = {};
  for (const [model, subject] of Object.entries(gpuSubjects)) {
    counts[model] = {};
    traffic[model] = trafficOf(subject());
    for (const target of TARGETS)
      counts[model][target] = await launchesOf(
        (profile) => new OrtRuntime({ provider: 'cpu', target, threads: THREADS, profile }),
        subject(),
      );
  }
  const measured = counts[GOAL.model]?.[GOAL.target] ?? NaN;
  const goals: Goal[] = [
    { name: `${GOAL.model}: launches of the graph for ${GOAL.target}`, measured, limit: GOAL.limit, sense: 'at most' },
  ];
  return {
    title:
      'Kernels that a training step launches, by what its graph is made for; all run on the CPU. Bytes that cross the bus',
    columns: [
      { title: 'model', align: 'left' },
      ...TARGETS.map((target) => ({ title: `for ${target}` })),
      ...CALLS.map((steps) => ({ title: `cuda, ${steps} a call` })),
      { title: 'webgpu' },
    ],
    rows: Object.entries(counts).map(([model, byTarget]) => [
      model,
      ...TARGETS.map((target) => fixed(byTarget[target]!, 0)),
      ...CALLS.map((steps) => formatBytes(traffic[model]!.call / steps + traffic[model]!.step)),
      formatBytes(traffic[model]!.step),
    ]),
    notes: [
      'On a GPU, ONNX Runtime may merge some more (BiasSoftmax on CUDA), and one operator may launch several kernels.',
      'Bytes are for each step, computed from its graph. On CUDA, every call takes the state to the GPU and back; on WebGPU, it stays there.',
    ],
    goals,
    data: { launches: counts, traffic },
  };
}
