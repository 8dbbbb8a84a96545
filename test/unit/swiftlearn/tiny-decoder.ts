import { trainBpe } from '../../../core/data/tokenizer/bpe-trainer';
import { parseVariant } from '../../../core/protocol/grouping';
import { saveDecoder } from '../../../core/models/decoder/checkpoint';
import { parseDecoderConfig, withDecoderGrouping } from '../../../core/models/decoder/config';
import { initialize } from '../../../core/models/decoder/initialize';

const HEADS = 4;

/**
 * Writes a language model of two blocks, its weights fresh, whose vocabulary is of some texts.
 * @param attention kind of attention, by its name
 */
export async function tinyDecoderFolder(dir: string, texts: readonly string[], attention = 'MHA'): Promise<void> {
  async function* corpus() {
    await Promise.resolve();
    yield* texts;
  }
  const tokenizer = await trainBpe(corpus(), { vocabSize: 300 });
  const json = withDecoderGrouping(
    {
      architectures: ['LlamaForCausalLM'],
      model_type: 'llama',
      hidden_size: 32,
      intermediate_size: 48,
      num_hidden_layers: 2,
      num_attention_heads: HEADS,
      vocab_size: 300,
      max_position_embeddings: 64,
      tie_word_embeddings: true,
    },
    parseVariant(attention, HEADS),
  );
  await saveDecoder(dir, {
    json,
    parameters: initialize(parseDecoderConfig(json), 0),
    tokenizerFrom: Buffer.from(JSON.stringify(tokenizer)),
    dtype: 'F32',
    meta: { kind: 'model', step: 0, phase: 'test', metrics: {} },
  });
}
