import * as l10n from '@vscode/l10n';
import { messageOf, UserError } from '../../errors';
import type { Check } from '../doctor';
import type { SshCompute } from './ssh';

/** What an error says about, by its code: the steps before it have passed. */
const STEPS: Readonly<Record<string, () => string>> = {
  'target.no-ssh': () => 'ssh',
  'target.ssh-config': () => 'ssh',
  'target.unreachable': () => l10n.t('Network'),
  'target.host-key': () => l10n.t('Host key'),
  'target.denied': () => l10n.t('Login'),
  'target.shell': () => l10n.t('Shell'),
  'target.noise': () => l10n.t('Shell'),
  'target.setup': () => l10n.t('Set-up'),
  'target.folder': () => l10n.t('Folder'),
  'target.platform': () => l10n.t('System'),
  'target.no-node': () => 'Node.js',
};

/**
 * Checks a remote step by step: that it can be reached and lets us in, that Winnow starts there, and what an installation needs anywhere.
 * Ends with the first step that fails, because the later ones need it.
 */
export async function* checkRemote(target: SshCompute): AsyncGenerator<Check> {
  target.client.retry();
  try {
    await target.client.agent();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    yield { name: STEPS[error.code]?.() ?? l10n.t('Start'), result: 'fail', found: messageOf(error), fix: error.hint };
    return;
  }
  if (!target.remote.here)
    yield { name: l10n.t('Login'), result: 'pass', found: l10n.t`"ssh ${target.remote.host}" works.`, fix: '' };
  yield { name: 'Winnow', result: 'pass', found: l10n.t`Winnow runs there: ${await target.describe()}.`, fix: '' };
  yield* await target.doctor();
}
