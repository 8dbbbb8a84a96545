import { EMBEDDED, encoderSubject } from './encoder-model';
import { decoderSubject } from './model';
import type { Subject } from './subject';
import { SMALL, vitSubject } from './vit-model';

/** The models that are trained on GPUs, one of each kind. */
export const gpuSubjects: Readonly<Record<string, () => Subject>> = {
  decoder: () => decoderSubject(),
  encoder: () => encoderSubject(EMBEDDED),
  vit: () => vitSubject(SMALL, 8),
};
