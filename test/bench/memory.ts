import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { countParameters } from '../../core/models/decoder/layout';
import { BATCH, CONFIG, TOKENS } from './model';
import type { Section } from './report';
import { fixed } from './report';

const STEPS = 20;
const MEBIBYTE = 2 ** 20;

async function peakBytes(steps: number): Promise<number> {
  const child = path.join(path.dirname(process.argv[1]!), 'memory-child.bench.js');
  const { stdout } = await promisify(execFile)(process.execPath, [child, String(steps)]);
  return Number(stdout);
}

/**
 * Bytes of the activations that a backward pass needs, in float32: per block the two normalized inputs and their
 * residuals, queries, keys, values before and after they are laid out by head, the heads' outputs twice, attention's
 * weights; the gate, its sigmoid and product, the other branch and their product; at the end the logits and their
 * gradient.
 */
function activationBytes(): number {
  const { hidden, intermediate, layers, grouping, vocabulary } = CONFIG;
  const perBlock = 4 * hidden + 8 * hidden + grouping.heads * TOKENS + 5 * intermediate;
  return 4 * BATCH * TOKENS * (layers * perBlock + 2 * vocabulary);
}

export async function benchMemory(): Promise<Section> {
  const empty = await peakBytes(0);
  const peak = await peakBytes(STEPS);
  const weights = 4 * countParameters(CONFIG).total;
  const activations = activationBytes();
  const row = (name: string, bytes: number) => [name, fixed(bytes / MEBIBYTE)];
  return {
    title: `Memory of training, the largest in ${STEPS} steps`,
    columns: [{ title: 'what', align: 'left' }, { title: 'MiB' }],
    rows: [
      row('process with an empty runtime', empty),
      row('process that trains', peak),
      row('difference', peak - empty),
      row('weights in float32', weights),
      row('activations, estimated', activations),
    ],
    goals: [
      {
        name: 'difference less activations, in weights,',
        measured: (peak - empty - activations) / weights,
        limit: 6,
        sense: 'at most',
      },
    ],
    data: { empty, peak, weights, activations },
  };
}
