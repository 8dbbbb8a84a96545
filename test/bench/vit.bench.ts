import { setTimeout } from 'node:timers/promises';
import { createRuntime } from '../../core/engine/runtime/create';
import { withGrouping } from '../../core/models/attention/config-keys';
import { parseVariant } from '../../core/protocol/grouping';
import { parseVitConfig, patchCount } from '../../core/models/vit/config';
import { flopsPerImage } from '../../core/models/vit/cost';
import { countVitParameters } from '../../core/models/vit/layout';
import type { Skip } from '../../core/models/vit/skip';
import { THREADS } from './model';
import type { Goal, Section } from './report';
import { fixed, median, milliseconds } from './report';
import { Training } from './subject';
import { SMALL, vitSubject } from './vit-model';

/** Large enough that the optimizer, which no token saves, is a small share of a step. */
const BATCH = 32;
const ROUNDS = 5;
const WARM_UP = 1;
/** The share of the patches that leave, as the paper. */
const SHARE = 0.55;
/** Of the gain that the operations promise, what is to be seen on the clock. */
const GOAL = 0.85;

interface Rival {
  readonly name: string;
  /** Its `config.json`. */
  readonly json: Readonly<Record<string, unknown>>;
  readonly skip?: Skip;
}

interface Paired {
  /** Seconds of a training step of the first rival, and of the other. */
  readonly base: number;
  readonly own: number;
  /** How much faster the other is: the median over pairs of steps that ran one after the other. */
  readonly speedup: number;
}

/** The first rival and each other in turns, so that what else the machine does falls on both. */
async function inPairs(first: Rival, others: readonly Rival[]): Promise<Paired[]> {
  const results: Paired[] = [];
  for (const other of others) {
    const runtimes = [createRuntime({ threads: THREADS }), createRuntime({ threads: THREADS })] as const;
    const trainings = [first, other].map(
      ({ json, skip }, i) => new Training(runtimes[i]!, vitSubject(json, BATCH, skip)),
    );
    for (let round = -WARM_UP; round < ROUNDS; round++)
      for (const training of trainings) {
        await training.advance(1);
        await setTimeout(20);
      }
    for (const runtime of runtimes) await runtime.dispose();
    const [base, own] = trainings.map(({ seconds }) => seconds.slice(WARM_UP)) as [number[], number[]];
    const speedup = median(base.map((time, i) => time / own[i]!));
    results.push({ base: median(base), own: median(own), speedup });
  }
  return results;
}

/** How much of the time that skipped tokens should save is saved: ViT-S/16 at 224, 55 % of the patches, several windows. */
export async function benchSkipVit(): Promise<Section> {
  const config = parseVitConfig(SMALL);
  const kept = Math.round((1 - SHARE) * patchCount(config));
  const windows = [3, 4, 6, 8, 10].map((blocks): Rival & { skip: Skip; blocks: number } => ({
    name: `${blocks} blocks`,
    json: SMALL,
    blocks,
    skip: { kind: 'skip', start: 1, end: 1 + blocks, kept },
  }));
  const times = await inPairs({ name: 'none', json: SMALL }, windows);
  const rows = windows.map(({ name, skip }, i) => {
    const { base, own, speedup } = times[i]!;
    const ideal = flopsPerImage(config) / flopsPerImage(config, skip) - 1;
    const gain = speedup - 1;
    return { name, base, own, ideal, gain, share: gain / ideal };
  });
  const percent = (value: number) => `${fixed(100 * value, 1)} %`;
  return {
    title: `Training ViT-S/16 at 224 with ${fixed(100 * SHARE, 0)} % of the patches skipped, batch ${BATCH}`,
    columns: [
      { title: 'window', align: 'left' },
      { title: 'step without' },
      { title: 'step with' },
      { title: 'gain' },
      { title: 'ideal gain' },
      { title: 'share of it' },
    ],
    rows: rows.map(({ name, base, own, gain, ideal, share }) => [
      name,
      milliseconds(base),
      milliseconds(own),
      percent(gain),
      percent(ideal),
      percent(share),
    ]),
    notes: ['Gain: images per second against the same model without a window, in turns. Ideal: by operations alone.'],
    goals: rows.map(({ name, share }): Goal => ({
      name: `share of the ideal gain of ${name}`,
      measured: share,
      limit: GOAL,
      sense: 'at least',
    })),
    data: rows,
  };
}

/** Time per sample of every variant of attention beside its operations. */
export async function benchGqkva(): Promise<Section> {
  const of = (variant: string): Rival => ({
    name: variant,
    json: withGrouping(SMALL, parseVariant(variant, SMALL.num_attention_heads)),
  });
  const names = ['GKVA-3', 'GKVA-2', 'MKVA', 'GQA-3', 'GQA-2', 'MQA', 'GQKVA-2.3', 'GQKVA-3.2', 'MHA+K=V'];
  const full = of('MHA');
  const variants = names.map(of);
  const times = await inPairs(full, variants);
  const rows = variants.map(({ name, json }, i) => ({
    name,
    parameters: countVitParameters(parseVitConfig(json)),
    flops: flopsPerImage(parseVitConfig(json)) / flopsPerImage(parseVitConfig(full.json)),
    time: 1 / times[i]!.speedup,
    seconds: times[i]!.own / BATCH,
  }));
  return {
    title: `Training ViT-S/16 at 224 with other kinds of attention, batch ${BATCH}`,
    columns: [
      { title: 'variant', align: 'left' },
      { title: 'parameters' },
      { title: 'operations / MHA' },
      { title: 'time / MHA' },
      { title: 'time per sample' },
    ],
    rows: rows.map(({ name, parameters, flops, time, seconds }) => [
      name,
      `${fixed(parameters / 1e6, 2)} M`,
      fixed(flops, 3),
      fixed(time, 3),
      milliseconds(seconds),
    ]),
    notes: ['Each variant in turns with multi-head attention.'],
    data: rows,
  };
}
