import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { HeldOutBlocks } from '../../core/data/text/batches';
import { openCorpus } from '../../core/data/text/corpus';
import { splitByDocument } from '../../core/data/text/split';
import { openTokenCache } from '../../core/data/text/token-cache';
import { createRuntime } from '../../core/engine/runtime/create';
import { PlrdConfig } from '../../core/methods/plrd/config';
import { Decomposer } from '../../core/methods/plrd/decomposition/decomposer';
import { decomposable } from '../../core/methods/plrd/allocation/ranks';
import { drawCalibration } from '../../core/models/decoder/calibration';
import { loadDecoder } from '../../core/models/decoder/checkpoint';
import { scoreDecoder } from '../../core/models/decoder/evaluate';
import { countParameters } from '../../core/models/decoder/layout';
import { embeddedParent } from '../../core/models/embedded';
import { loadModelTokenizer } from '../../core/models/model-tokenizer';
import { THREADS } from './model';
import type { Section } from './report';
import { fixed } from './report';

/** Shares of the linear layers' parameters that are kept. */
const RATIOS = [0.8, 0.65, 0.5, 0.4];
const SEEDS = [0, 1, 2];
const DECOMPOSITIONS = ['plain', 'whitened', 'fisher'] as const;
const ALLOCATIONS = ['uniform', 'energy', 'sensitivity'] as const;
/** Of the whole held-out text: as many tokens as the first experiment evaluates on. */
const TOKENS = 24_000;

interface Row {
  readonly decomposition: string;
  readonly allocation: string;
  readonly ratio: number;
  readonly linearShare: number;
  /** Held-out perplexity for each seed of the calibration text; one if it is not used. */
  readonly perplexities: readonly number[];
  /** For all sizes of a seed, with the calibration. */
  readonly seconds: number;
}

/** Held-out perplexity of the embedded parent, truncated and not trained, for each decomposition and allocation. */
export async function benchTruncation(): Promise<Section> {
  const parent = await loadDecoder(embeddedParent());
  const tokenizer = await loadModelTokenizer(parent.tokenizerPath, parent.config);
  const cacheDir = await mkdtemp(path.join(tmpdir(), 'winnow-bench-'));
  const { signal } = new AbortController();
  const { data, layers: which } = PlrdConfig.parse({});
  const cache = await openTokenCache({ corpus: await openCorpus(data, cacheDir), tokenizer, cacheDir });
  try {
    const split = splitByDocument(cache, data.heldOutShare);
    const shape = { batchSize: 16, blockLength: data.blockLength };
    const heldOut = new HeldOutBlocks(split.heldOut, shape);
    const share = Math.min(1, TOKENS / heldOut.targetCount);
    const layers = decomposable(parent.config, which);
    const full = countParameters(parent.config).linear;
    const perplexity = async (config: typeof parent.config, parameters: typeof parent.parameters) =>
      (await scoreDecoder(createRuntime({ threads: THREADS }), config, parameters, heldOut, shape, signal, share))
        .perplexity;
    const rows: Row[] = [];
    for (const decomposition of DECOMPOSITIONS)
      for (const allocation of ALLOCATIONS) {
        const seeds = decomposition === 'plain' && allocation !== 'sensitivity' ? SEEDS.slice(0, 1) : SEEDS;
        const made: { shares: number[]; perplexities: number[]; seconds: number }[] = [];
        for (const seed of seeds) {
          const before = performance.now();
          const settings = PlrdConfig.parse({ decomposition, allocation });
          const device = { provider: 'cpu', threads: THREADS } as const;
          const { blockLength } = shape;
          const text = () => drawCalibration(split.train, { ...settings.calibration, blockLength, seed });
          const decomposer = new Decomposer(settings, layers, text, { device, signal });
          const tables = await decomposer.ranks(
            parent,
            RATIOS.map((ratio) => ({ ratio, rank: undefined })),
          );
          const models = [];
          for (const ranks of tables) models.push(await decomposer.decompose(parent, ranks));
          const seconds = (performance.now() - before) / 1000;
          const configs = models.map(({ ranks }) => ({ ...parent.config, ranks }));
          const perplexities: number[] = [];
          for (const [i, { parameters }] of models.entries())
            perplexities.push(await perplexity(configs[i]!, parameters));
          made.push({ shares: configs.map((config) => countParameters(config).linear / full), perplexities, seconds });
        }
        for (const [i, ratio] of RATIOS.entries()) {
          const linearShare = Math.max(...made.map(({ shares }) => shares[i]!));
          const perplexities = made.map((one) => one.perplexities[i]!);
          const seconds = Math.max(...made.map((one) => one.seconds));
          rows.push({ decomposition, allocation, ratio, linearShare, perplexities, seconds });
        }
      }
    return section(rows);
  } finally {
    cache.close();
    await rm(cacheDir, { recursive: true });
  }
}

function section(rows: readonly Row[]): Section {
  const pairs = [...new Set(rows.map(({ decomposition, allocation }) => `${decomposition} ${allocation}`))];
  return {
    title: `The embedded parent truncated, not trained: held-out perplexity, mean of ${SEEDS.length} calibration seeds ± half the range`,
    columns: [
      { title: 'decomposition', align: 'left' },
      { title: 'ranks', align: 'left' },
      ...RATIOS.map((ratio) => ({ title: `${fixed(100 * ratio, 0)} % (kept)` })),
      { title: 'seconds' },
    ],
    rows: pairs.map((pair) => {
      const own = rows.filter(({ decomposition, allocation }) => `${decomposition} ${allocation}` === pair);
      return [
        own[0]!.decomposition,
        own[0]!.allocation,
        ...own.map(({ perplexities, linearShare }) => {
          const mean = perplexities.reduce((sum, value) => sum + value, 0) / perplexities.length;
          const spread = (Math.max(...perplexities) - Math.min(...perplexities)) / 2;
          const number = mean.toPrecision(4);
          const kept = `(${fixed(100 * linearShare)})`;
          return perplexities.length > 1 ? `${number} ± ${spread.toPrecision(2)} ${kept}` : `${number} ${kept}`;
        }),
        fixed(own[0]!.seconds),
      ];
    }),
    data: rows,
  };
}
