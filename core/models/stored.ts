import * as l10n from '@vscode/l10n';
import { decodeToFloat32, encodeFromFloat32, type FloatDtype } from '../checkpoint/dtype';
import { f32, floats, type HostTensor } from '../engine/host';
import type { Named } from '../engine/optimizer';
import { UserError } from '../errors';

/**
 * The parameters as a checkpoint of that number format gives them back.
 * @throws UserError `model.overflow` where a number is too large for the format
 */
export function asStored(parameters: Named<HostTensor>, dtype: FloatDtype): Record<string, HostTensor<'float32'>> {
  const rounded: Record<string, HostTensor<'float32'>> = {};
  for (const [name, tensor] of Object.entries(parameters)) {
    const values = decodeToFloat32(dtype, encodeFromFloat32(dtype, floats(tensor)));
    if (!values.every(Number.isFinite))
      throw new UserError(
        'model.overflow',
        l10n.t`${name} has values that ${dtype} cannot represent.`,
        l10n.t("Use dtype 'F32' or 'BF16', or a lower training.learningRate."),
      );
    rounded[name] = f32(tensor.shape, values);
  }
  return rounded;
}
