import { trainWordPiece } from '../../../core/data/tokenizer/wordpiece-trainer';
import { saveEncoder } from '../../../core/models/encoder/checkpoint';
import { parseEncoderConfig } from '../../../core/models/encoder/config';
import { initializeEncoder } from '../../../core/models/encoder/initialize';

/** Writes a BERT of two blocks, its weights fresh, whose vocabulary is of some words. */
export async function tinyEncoderFolder(dir: string, words: readonly string[]): Promise<void> {
  async function* texts() {
    await Promise.resolve();
    // Every digit is a word piece of its own.
    yield* [...words, '0 1 2 3 4 5 6 7 8 9'];
  }
  const tokenizer = await trainWordPiece(texts(), { vocabSize: 120 });
  const json = {
    architectures: ['BertModel'],
    model_type: 'bert',
    vocab_size: 120,
    hidden_size: 24,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    intermediate_size: 48,
    max_position_embeddings: 32,
    initializer_range: 0.15,
  };
  await saveEncoder(dir, {
    json,
    parameters: initializeEncoder(parseEncoderConfig(json), 'none', 0),
    tokenizerFrom: Buffer.from(JSON.stringify(tokenizer)),
    dtype: 'F32',
    meta: { kind: 'model', step: 0, phase: 'test', metrics: {} },
  });
}
