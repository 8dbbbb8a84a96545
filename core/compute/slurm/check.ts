import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import type { Check } from '../doctor';
import { partitions } from './commands';
import type { SlurmSettings } from './settings';

/** Checks that Slurm answers, and that there is what jobs ask for. */
export async function checkSlurm(settings: SlurmSettings): Promise<Check[]> {
  const name = 'Slurm';
  const partition = asked('partition', settings);
  const gres = asked('gres', settings) ?? asked('gpus', settings);
  try {
    const all = await partitions();
    const names = [...new Set(all.map((one) => one.name))].join(', ');
    const wanted = all.filter((one) =>
      partition === undefined ? one.isDefault : partition.split(',').includes(one.name),
    );
    const [first] = wanted;
    if (!first)
      return [
        {
          name,
          result: 'fail',
          found:
            partition === undefined
              ? l10n.t`There is no default partition. The partitions are: ${names}.`
              : l10n.t`There is no partition "${partition}". The partitions are: ${names}.`,
          fix: l10n.t('Give one of them with --partition.'),
        },
      ];
    const nodes = wanted.reduce((sum, one) => sum + one.nodes, 0);
    const gpus = [...new Set(wanted.flatMap((one) => (one.gres === '' ? [] : one.gres.split(','))))].join(', ');
    const count = nodes === 1 ? l10n.t('1 node') : l10n.t`${nodes} nodes`;
    const found = l10n.t`Partition ${first.name}: ${count}, time limit ${first.timeLimit}, GPUs per node: ${gpus || l10n.t('none')}.`;
    if (!wanted.some((one) => one.isUp))
      return [{ name, result: 'warn', found: l10n.t`${found} It is down.`, fix: l10n.t('Jobs wait until it is up.') }];
    if (gres === undefined && gpus !== '')
      return [
        {
          name,
          result: 'warn',
          found,
          fix: l10n.t('Jobs ask for no GPU; give --gres gpu:1 if runs are to compute on one.'),
        },
      ];
    return [{ name, result: 'pass', found, fix: '' }];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return [{ name, result: 'fail', found: error.message, fix: error.hint }];
  }
}

/** What jobs ask for, whichever way it was given. */
function asked(option: string, { options, partition, gres }: SlurmSettings): string | undefined {
  const own: Readonly<Record<string, string | undefined>> = { partition, gres };
  const prefix = `--${option}=`;
  return own[option] ?? options.find((one) => one.startsWith(prefix))?.slice(prefix.length);
}
