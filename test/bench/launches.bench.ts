import { OrtRuntime } from '../../core/engine/runtime/ort';
import { gpuSubjects } from './gpu-subjects';
import { launchesOf } from './launches';
import { THREADS } from './model';
import type { Goal, Section } from './report';
import { fixed } from './report';

const TARGETS = ['cpu', 'cuda', 'webgpu'] as const;
const GOAL = { model: 'decoder', target: 'cuda', limit: 300 };

/** How many kernels a training step of each kind of model launches: the graphs that are made for GPUs, run on the CPU. */
export async function benchLaunches(): Promise<Section> {
  const counts: Record<string, Record<string, number>> = {};
  for (const [model, subject] of Object.entries(gpuSubjects)) {
    counts[model] = {};
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
    title: 'Kernels that a training step launches, by what its graph is made for; all run on the CPU',
    columns: [{ title: 'model', align: 'left' }, ...TARGETS.map((target) => ({ title: `for ${target}` }))],
    rows: Object.entries(counts).map(([model, byTarget]) => [
      model,
      ...TARGETS.map((target) => fixed(byTarget[target]!, 0)),
    ]),
    notes: [
      'On a GPU, ONNX Runtime may merge some more (BiasSoftmax on CUDA), and one operator may launch several kernels.',
    ],
    goals,
    data: counts,
  };
}
