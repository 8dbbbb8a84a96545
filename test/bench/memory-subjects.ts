import { decoderSubject } from './model';
import { encoderSubject, MINILM } from './encoder-model';
import type { Subject } from './subject';
import { vitSubject } from './vit-model';

/** ViT-Ti/16 at 224 with 1000 classes, as its `config.json`. */
const TINY = {
  model_type: 'vit',
  hidden_size: 192,
  intermediate_size: 768,
  num_hidden_layers: 12,
  num_attention_heads: 3,
  num_labels: 1000,
  layer_norm_eps: 1e-6,
};

/** One model of each kind whose memory is measured. */
export const MEMORY_SUBJECTS = {
  decoder: () => decoderSubject(),
  encoder: () => encoderSubject(MINILM),
  'vision transformer': () => vitSubject(TINY, 4),
} satisfies Record<string, () => Subject>;
export type MemorySubject = keyof typeof MEMORY_SUBJECTS;
