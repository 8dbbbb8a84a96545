import { createRuntime } from '../../core/engine/runtime/create';
import { Generator } from '../../core/models/decoder/generate';
import type { DecoderConfig } from '../../core/models/decoder/config';
import { countParameters, linearLayers } from '../../core/models/decoder/layout';
import { uniformRanks } from '../../core/methods/plrd/allocation/ranks';
import { BATCH, CONFIG, decoderSubject, THREADS, TOKENS } from './model';
import type { Section } from './report';
import { fixed, median } from './report';
import { Training } from './subject';

/** Shares of the linear layers' parameters that the members keep. */
const RATIOS = [1, 0.8, 0.65, 0.5, 0.4];
const RANK_MULTIPLE = 8;
const WARM_UP = 3;
const ROUNDS = 8;
const TOKENS_A_ROUND = 12;

/** Speed of a full model and of factored ones, in turns. Untrained: the numbers in the weights do not change the time. */
export async function benchFamily(): Promise<Section> {
  const runtime = createRuntime({ threads: THREADS });
  try {
    const members = RATIOS.map((ratio) => {
      const ranks = uniformRanks(linearLayers(CONFIG), ratio, RANK_MULTIPLE);
      const config: DecoderConfig = { ...CONFIG, ranks };
      const training = new Training(runtime, decoderSubject(config));
      const generator = new Generator(runtime, config, training.parameters, TOKENS);
      return { ratio, config, training, generator, generation: [] as number[] };
    });
    for (const { training, generator } of members) {
      await training.advance(WARM_UP);
      await generator.read([0], 0);
    }
    for (let round = 0; round < ROUNDS; round++)
      for (const { training, generator, generation } of members) {
        await training.advance(1);
        for (let i = 0; i < TOKENS_A_ROUND; i++) {
          const before = performance.now();
          await generator.read([i], 1 + round * TOKENS_A_ROUND + i);
          generation.push((performance.now() - before) / 1000);
        }
      }
    const rows = members.map(({ ratio, config, training, generation }) => ({
      ratio,
      ...countParameters(config),
      trainingTokensPerSecond: (BATCH * TOKENS) / median(training.seconds.slice(WARM_UP)),
      generationTokensPerSecond: 1 / median(generation),
    }));
    const [full] = rows;
    return {
      title: 'The full model and factored members',
      columns: [
        { title: 'member', align: 'left' },
        { title: 'parameters' },
        { title: 'linear' },
        { title: 'training tokens/s' },
        { title: 'x full' },
        { title: 'generation tokens/s' },
        { title: 'x full' },
      ],
      rows: rows.map((row) => [
        row.ratio === 1 ? 'full' : `${fixed(row.ratio * 100, 0)} %`,
        String(row.total),
        String(row.linear),
        fixed(row.trainingTokensPerSecond, 0),
        fixed(row.trainingTokensPerSecond / full!.trainingTokensPerSecond, 2),
        fixed(row.generationTokensPerSecond, 0),
        fixed(row.generationTokensPerSecond / full!.generationTokensPerSecond, 2),
      ]),
      data: rows,
    };
  } finally {
    await runtime.dispose();
  }
}
