import * as l10n from '@vscode/l10n';
import { hasTf32 } from '../../engine/runtime/tf32';
import type { Device } from '../../engine/runtime/runtime';
import { UserError } from '../../errors';

type Settings = Pick<Device, 'provider' | 'tf32'>;

/**
 * Refuses settings that a provider does not have: a run must not seem to have been computed with them.
 * @param where names the place of a key of the device, for messages
 * @throws UserError `device.tf32`
 */
export function refuseDeviceSettings({ provider, tf32 }: Settings, where: (key: keyof Settings) => string): void {
  if (tf32 !== undefined && !hasTf32(provider))
    throw new UserError(
      'device.tf32',
      l10n.t`${where('tf32')}: "device.tf32" is ${String(tf32)}, but the provider is "${provider}". TF32 is a format of NVIDIA GPUs: only "cuda" and "tensorflow" have this setting.`,
      l10n.t('Remove "device.tf32", or set "device.provider" to "cuda".'),
      { fixes: [{ title: l10n.t('Use cuda'), key: 'device.provider', value: 'cuda' }] },
    );
}
