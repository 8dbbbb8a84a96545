import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { env } from 'onnxruntime-node';
import { benchActivation } from './activation.bench';
import { EMBEDDED, encoderSubject, MINILM } from './encoder-model';
import { benchFamily } from './family';
import { benchGpu } from './gpu.bench';
import { benchInspection } from './inspection.bench';
import { benchLaunches } from './launches.bench';
import { benchLibrary } from './library.bench';
import { benchLinalg } from './linalg.bench';
import { benchMemory } from './memory';
import { decoderSubject, THREADS } from './model';
import { benchOpenings } from './openings.bench';
import { benchPanels } from './panels.bench';
import { benchOperators } from './profile';
import type { Section } from './report';
import { fixed, isMet, render } from './report';
import { benchStep } from './step';
import { benchSystem } from './system.bench';
import { benchTruncation } from './truncation';
import { SMALL, vitSubject } from './vit-model';
import { benchScale } from './scale.bench';
import { benchSelection } from './selection.bench';
import { benchSwiftLearn } from './swiftlearn.bench';
import { benchGqkva, benchSkipVit } from './vit.bench';

const USAGE = `npm run bench [-- options]: speed and memory, one table from one run.
  --quick  leave out the steps on tf.js's own backends, which are slow
  --only   parts to measure, comma-separated: step, operators, inspection, activation, library, scale, panels, openings, memory, system, gpu, launches, family, linalg, truncation, vit-step, encoder-step, minilm-step, minilm-operators, skipvit, gqkva, selection, swiftlearn-texts, swiftlearn-images
  --json   print the numbers as JSON`;

const SVD_GOAL = { task: 'truncated SVD 2048 x 2048, rank 512', seconds: 15 };

async function linalgSection(): Promise<Section> {
  const data = await benchLinalg();
  const svd = data.find(({ task }) => task === SVD_GOAL.task);
  return {
    title: 'Linear algebra in double precision, Gaussian matrices',
    columns: [{ title: 'task', align: 'left' }, { title: 'seconds' }, { title: 'CPU seconds' }, { title: 'error' }],
    rows: data.map(({ task, seconds, cpuSeconds, relativeError }) => [
      task,
      fixed(seconds, 2),
      fixed(cpuSeconds, 2),
      relativeError?.toFixed(4) ?? '',
    ]),
    goals: svd
      ? [{ name: `seconds of the ${svd.task},`, measured: svd.seconds, limit: SVD_GOAL.seconds, sense: 'at most' }]
      : [],
    data,
  };
}

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
    only: { type: 'string' },
  },
});
if (options.help) {
  console.log(USAGE);
  process.exit(0);
}
const { json } = options;

const machine = {
  processor: cpus()[0]?.model.trim() ?? 'unknown',
  cores: cpus().length,
  memoryGiB: totalmem() / 2 ** 30,
  threads: THREADS,
  node: process.versions.node,
  onnxruntime: env.versions.node ?? env.versions.common,
};
if (!json)
  console.log(
    `${machine.processor}, ${machine.cores} cores (${THREADS} threads used), ${fixed(machine.memoryGiB)} GiB, ` +
      `Node ${machine.node}, ONNX Runtime ${machine.onnxruntime}`,
  );

const parts: Record<string, () => Promise<Section>> = {
  step: () => benchStep(decoderSubject(), { quick: options.quick, backends: ['wasm', 'cpu'], goal: 200 }),
  // tf.js's cpu backend would take most of an hour for one step of it.
  'vit-step': () => benchStep(vitSubject(SMALL, 8), { quick: options.quick, backends: ['wasm'], goal: 1 }),
  'encoder-step': () => benchStep(encoderSubject(EMBEDDED), { quick: options.quick, backends: ['wasm'], goal: 1 }),
  'minilm-step': () => benchStep(encoderSubject(MINILM), { quick: options.quick, backends: ['wasm'], goal: 1 }),
  operators: () => benchOperators(decoderSubject()),
  'minilm-operators': () => benchOperators(encoderSubject(MINILM)),
  inspection: benchInspection,
  activation: benchActivation,
  library: benchLibrary,
  scale: benchScale,
  panels: benchPanels,
  openings: benchOpenings,
  memory: benchMemory,
  system: benchSystem,
  gpu: benchGpu,
  launches: benchLaunches,
  family: benchFamily,
  linalg: linalgSection,
  truncation: benchTruncation,
  skipvit: benchSkipVit,
  gqkva: benchGqkva,
  selection: benchSelection,
  'swiftlearn-texts': () => benchSwiftLearn('emails'),
  'swiftlearn-images': () => benchSwiftLearn('digits'),
};
const only = options.only?.split(',') ?? Object.keys(parts);
const unknown = only.find((name) => !(name in parts));
if (unknown !== undefined) {
  console.error(`There is no part "${unknown}".\n${USAGE}`);
  process.exit(2);
}
const report: Record<string, unknown> = {};
for (const [name, run] of Object.entries(parts)) {
  if (!only.includes(name)) continue;
  const section = await run();
  const goals = (section.goals ?? []).map((goal) => ({ ...goal, met: isMet(goal) }));
  report[name] = { goals, data: section.data };
  if (!json) console.log(`\n${render(section)}`);
}
if (json) console.log(JSON.stringify({ machine, ...report }, null, 2));
