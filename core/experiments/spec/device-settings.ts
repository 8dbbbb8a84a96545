import * as l10n from '@vscode/l10n';
import { hasTf32 } from '../../engine/runtime/tf32';
import { hasFloat16, type Device } from '../../engine/runtime/runtime';
import { UserError } from '../../errors';
import type { Method } from '../method';

type Settings = Pick<Device, 'provider' | 'tf32' | 'precision'>;

const useCuda = () => ({ fixes: [{ title: l10n.t('Use cuda'), key: 'device.provider', value: 'cuda' }] });

/**
 * Refuses settings that a provider does not have: a run must not seem to have been computed with them.
 * @param where names the place of a key of the device, for messages
 * @throws UserError `device.tf32`, `device.precision`
 */
export function refuseDeviceSettings(
  { provider, tf32, precision = 'float32' }: Settings,
  { ownProgram }: Pick<Method, 'ownProgram'>,
  where: (key: keyof Settings) => string,
): void {
  if (tf32 !== undefined && !hasTf32(provider))
    throw new UserError(
      'device.tf32',
      l10n.t`${where('tf32')}: "device.tf32" is ${String(tf32)}, but the provider is "${provider}". TF32 is a format of NVIDIA GPUs: only "cuda" and "tensorflow" have this setting.`,
      l10n.t('Remove "device.tf32", or set "device.provider" to "cuda".'),
      useCuda(),
    );
  if (precision === 'float32') return;
  const asked = l10n.t`${where('precision')}: "device.precision" is "${precision}"`;
  const float32 = l10n.t('Remove "device.precision", to compute in float32.');
  if (ownProgram)
    throw new UserError(
      'device.precision',
      l10n.t`${asked}, but the run starts a program, which decides that itself.`,
      l10n.t('Remove "device.precision", and pass the program a parameter of its own.'),
    );
  if (provider === 'cpu')
    throw new UserError(
      'device.precision',
      l10n.t`${asked}, but the provider is "cpu", which would be slower in float16 than in float32.`,
      float32,
      useCuda(),
    );
  if (!hasFloat16(provider))
    throw new UserError(
      'device.precision',
      l10n.t`${asked}, but the provider is "${provider}": only "cuda" and "webgpu" train in float16.`,
      float32,
      useCuda(),
    );
}
