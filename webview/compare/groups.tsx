import * as l10n from '@vscode/l10n';
import type { CompareColumn } from '../../core/protocol/compare';
import { columnSpread, type RunGroup } from '../../core/protocol/compare-groups';
import { formatNumber } from '../../core/protocol/format';
import { Table } from '../shared/table';

/** More metrics than these do not fit beside each other. */
const MOST = 8;

interface GroupsProps {
  readonly groups: readonly RunGroup[];
  /** The columns that are shown; the metrics among them are summed up. */
  readonly columns: readonly CompareColumn[];
  readonly onChoose: (group: RunGroup) => void;
}

/** One line for each group of runs: mean and standard deviation of what came out. */
export function Groups({ groups, columns, onChoose }: GroupsProps) {
  const metrics = columns.filter(({ group }) => group === 'Metrics').slice(0, MOST);
  return (
    <Table
      caption={l10n.t('Groups of runs: mean ± standard deviation (sample)')}
      rows={groups}
      rowKey={({ key }) => key}
      onActivate={onChoose}
      columns={[
        { key: 'group', title: l10n.t('Group'), cell: ({ label }) => label },
        { key: 'runs', title: l10n.t('Runs'), numeric: true, cell: ({ runs }) => runs.length },
        ...metrics.map((column) => ({
          key: column.key,
          title: column.title,
          numeric: true,
          cell: ({ runs }: RunGroup) => {
            const spread = columnSpread(runs, column);
            if (!spread) return '–';
            const { mean, deviation, count } = spread;
            const of = count < runs.length ? ` (n = ${count})` : '';
            return `${formatNumber(mean)}${deviation === undefined ? '' : ` ± ${formatNumber(deviation, 2)}`}${of}`;
          },
        })),
      ]}
    />
  );
}
