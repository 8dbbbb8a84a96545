import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { HeldOutBlocks, TrainingBlocks, type TokenBatch } from '../../../core/data/text/batches';
import { openTokenCache, type TokenCache } from '../../../core/data/text/token-cache';
import { TokenStream } from '../../../core/data/text/token-stream';
import type { RunEvent } from '../../../core/protocol/events';
import type { Device } from '../../../core/engine/runtime/runtime';
import { trainDecoder } from '../../../core/training/train-decoder';
import { parseDecoderConfig } from '../../../core/models/decoder/config';
import { initialize } from '../../../core/models/decoder/initialize';
import { EMBEDDING } from '../../../core/models/decoder/layout';
import { TrainingConfig } from '../../../core/training/config';
import { Studio } from './studio';

const JSON_CONFIG = {
  model_type: 'llama',
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  vocab_size: 128,
  max_position_embeddings: 16,
  tie_word_embeddings: true,
};
const SHAPE = { batchSize: 2, blockLength: 8 };

/** Training blocks that write down which batches were asked for. */
class RecordedBlocks extends TrainingBlocks {
  readonly asked: number[] = [];

  override batch(step: number): TokenBatch {
    this.asked.push(step);
    return super.batch(step);
  }
}

/** Trainings of a tiny decoder on a short text, each in a run directory of its own. */
export class Nursery {
  readonly #studio: Studio;
  readonly #cache: TokenCache;

  private constructor(studio: Studio, cache: TokenCache) {
    this.#studio = studio;
    this.#cache = cache;
  }

  static async open(): Promise<Nursery> {
    const studio = await Studio.open();
    const corpus = {
      async *documents() {
        await Promise.resolve();
        yield { id: '0', text: 'round and round the garden like a teddy bear '.repeat(8) };
      },
      fingerprint: () => Promise.resolve('garden'),
    };
    const tokenizer = {
      vocabSize: 128,
      eosId: 0,
      fingerprint: 'bytes',
      encode: (text: string) => [...Buffer.from(text)],
      decode: String,
    };
    const cache = await openTokenCache({ corpus, tokenizer, cacheDir: studio.folder });
    await writeFile(path.join(studio.folder, 'tokenizer.json'), '{}');
    return new Nursery(studio, cache);
  }

  async close(): Promise<void> {
    this.#cache.close();
    await this.#studio.close();
  }

  checkpoints(name: string): string {
    return path.join(this.#studio.folder, 'runs', name, 'checkpoints');
  }

  /** Trains all but the embedding for four steps of two micro-batches, or goes on with that. */
  async train(
    name: string,
    settings: {
      readonly phase?: string;
      readonly checkpointSeconds?: number;
      readonly dataOffset?: number;
      readonly device?: Device;
      /** The step after which it is asked to stop. */
      readonly stopAfter?: number;
      /** Told the metrics, also of a training that does not end. */
      readonly onNumbers?: (numbers: object) => void;
    } = {},
  ) {
    const events: RunEvent[] = [];
    const told: string[] = [];
    const stop = new AbortController();
    const made = await this.#studio.context(name, stop.signal, (event) => {
      events.push(event);
      if (event.type === 'metrics') settings.onNumbers?.({ step: event.step, ...event.values });
      if (event.type === 'metrics' && event.step === settings.stopAfter) stop.abort();
    });
    const { phase = 'test', dataOffset = 0, device = made.device, checkpointSeconds } = settings;
    const context = { ...made, device, log: (text: string) => told.push(text) };
    const decoder = parseDecoderConfig(JSON_CONFIG);
    const { [EMBEDDING]: embedding, ...parameters } = initialize(decoder, 1);
    const blocks = new RecordedBlocks(this.#stream(), { ...SHAPE, seed: 1 });
    const trained = await trainDecoder(context, {
      phase,
      decoder,
      json: JSON_CONFIG,
      tokenizerPath: path.join(this.#studio.folder, 'tokenizer.json'),
      parameters,
      frozen: { [EMBEDDING]: embedding! },
      training: TrainingConfig.parse({
        batchSize: SHAPE.batchSize,
        accumulate: 2,
        ...(checkpointSeconds !== undefined && { checkpointSeconds }),
      }),
      train: blocks,
      heldOut: new HeldOutBlocks(this.#stream(), SHAPE),
      blockLength: SHAPE.blockLength,
      steps: 4,
      dataOffset,
      evaluateEvery: 2,
      evaluateShare: 1,
    });
    const dir = path.join(context.checkpointsDir, 'last');
    return { events, told, trained, asked: blocks.asked, embedding: embedding!, dir };
  }

  #stream(): TokenStream {
    const { ends, bytes } = this.#cache.documents;
    return new TokenStream(this.#cache, { starts: Float64Array.of(0), ends, bytes });
  }
}
