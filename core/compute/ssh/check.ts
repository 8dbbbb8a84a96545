import * as l10n from '@vscode/l10n';
import { messageOf, UserError } from '../../errors';
import { formatBytes } from '../../protocol/format';
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
  yield await diskUse(target);
}

/** More than this in programs, inputs and downloads is worth a hint, bytes. */
const MUCH = 2e9;

/** What Winnow's folder there takes. */
async function diskUse(target: SshCompute): Promise<Check> {
  const usage = await target.usage();
  const total = Object.values(usage).reduce((sum, bytes) => sum + bytes, 0);
  const parts = Object.entries(usage)
    .toSorted(([, a], [, b]) => b - a)
    .filter(([, bytes]) => bytes > 0)
    .map(([part, bytes]) => `${partName(part)} ${formatBytes(bytes)}`);
  const cleanable = ['inputs', 'work', 'versions', 'cache', 'wheels', 'blobs'].reduce(
    (sum, part) => sum + (usage[part] ?? 0),
    0,
  );
  return {
    name: l10n.t('Disk use'),
    result: 'pass',
    found: l10n.t`${formatBytes(total)} in ${target.remote.folder}: ${parts.join(', ') || l10n.t('nothing')}.`,
    fix: cleanable > MUCH ? l10n.t`"winnow remote clean ${target.name} --dry-run" says what can be freed.` : '',
  };
}

/** What a part of Winnow's folder is for. */
export function partName(part: string): string {
  switch (part) {
    case 'runs':
      return l10n.t('runs');
    case 'versions':
      return l10n.t('programs');
    case 'inputs':
      return l10n.t('inputs');
    case 'work':
      return l10n.t('folders of programs');
    case 'runtimes':
      return l10n.t('runtimes');
    case 'node':
      return 'Node.js';
    case 'cache':
    case 'downloads':
      return l10n.t('downloads');
    case 'wheels':
      return l10n.t('files of runtimes');
    case 'blobs':
      return l10n.t('contents that nothing uses');
    case 'partials':
      return l10n.t('incomplete files');
    default:
      return part;
  }
}
