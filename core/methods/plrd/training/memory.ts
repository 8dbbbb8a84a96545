import type { StepDevice } from '../../../engine/step-memory';
import type { DecoderConfig } from '../../../models/decoder/config';
import { tensorShapes, type LinearLayer } from '../../../models/decoder/layout';
import type { TrainingConfig } from '../../../training/config';
import { specsOf } from '../../../training/memory';
import { decoderMemory, deviceBytes } from '../../../training/model-memory';
import type { PlrdConfig } from '../config';
import { isTrained } from './recover';
import { asTeacher, needsParent, nestedLoss, recoveryLoss } from './recovery-loss';

/**
 * Peak memory of the trainings of a family on the device, in bytes: of the largest single model, and of the nested one.
 * @param sizes of the family, the largest first
 * @param layers that are decomposed
 */
export function familyMemory(
  { families, nested, distillation, data, train }: PlrdConfig,
  training: TrainingConfig,
  parent: DecoderConfig,
  sizes: readonly DecoderConfig[],
  layers: readonly LinearLayer[],
  device: StepDevice,
): number {
  const [largest] = sizes;
  const memoryOf = (isNested: boolean) =>
    deviceBytes(
      decoderMemory(
        {
          decoder: largest!,
          training,
          blockLength: data.blockLength,
          trains: isTrained(train, layers),
          companions: needsParent(distillation, isNested) ? asTeacher(specsOf(tensorShapes(parent))) : {},
          ...(isNested
            ? {
                loss: nestedLoss(
                  largest!,
                  sizes.map(({ ranks }) => ranks),
                  parent,
                  distillation,
                  nested,
                ),
                // The step of each size that is drawn is compiled separately.
                variants: nested.sizesPerStep === 'all' ? [0] : [...sizes.keys()],
                evaluations: sizes.length,
              }
            : { loss: recoveryLoss(largest!, parent, distillation) }),
        },
        device,
      ),
      device,
    );
  return Math.max(memoryOf(false), families.includes('nested') ? memoryOf(true) : 0);
}
