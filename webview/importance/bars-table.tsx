import * as l10n from '@vscode/l10n';
import { formatNumber } from '../../core/protocol/format';
import { barEdge, sampleStates, type ImportanceHistogram, type SampleState } from '../../core/protocol/importance';
import { Table } from '../shared/table';
import { barTitle, wrongOf } from './bars';
import { count, stateTitle, type BarRange } from './state';

interface BarsTableProps {
  readonly histogram: ImportanceHistogram;
  readonly shown: readonly SampleState[];
  readonly bars: BarRange | null;
  readonly onBars: (bars: BarRange | null) => void;
}

/** The histogram as a table; clicking a row, or pressing Enter on it, selects its samples. */
export function BarsTable({ histogram, shown, bars, onBars }: BarsTableProps) {
  const { kept } = histogram.counts;
  const states = sampleStates.filter((state) => shown.includes(state));
  const edge = (bar: number) => formatNumber(barEdge(histogram, kept.length, bar), 3);
  const isLast = (bar: number) => bar === kept.length - 1 && histogram.open;
  return (
    <Table
      caption={l10n.t('Samples by score; Enter on a row lists them')}
      rows={kept.map((_, bar) => bar)}
      rowKey={(bar) => barTitle(histogram, bar)}
      isSelected={(bar) => bars !== null && bar >= bars.first && bar <= bars.last}
      onActivate={(bar) => {
        onBars(bars?.first === bar && bars.last === bar ? null : { first: bar, last: bar });
      }}
      columns={[
        {
          key: 'from',
          title: l10n.t({ message: 'From', comment: 'Lower end of a range of scores' }),
          numeric: true,
          cell: edge,
        },
        {
          key: 'to',
          title: l10n.t({ message: 'To', comment: 'Upper end of a range of scores' }),
          numeric: true,
          cell: (bar) => (isLast(bar) ? l10n.t('and more') : edge(bar + 1)),
        },
        ...states.map((state) => ({
          key: state,
          title: stateTitle(state),
          numeric: true,
          cell: (bar: number) => count(histogram.counts[state][bar] ?? 0),
        })),
        ...(histogram.wrong
          ? [
              {
                key: 'wrong',
                title: l10n.t({ message: 'Look wrong', comment: 'Number of samples whose labels look wrong' }),
                numeric: true,
                cell: (bar: number) => count(wrongOf(histogram, states, { first: bar, last: bar })),
              },
            ]
          : []),
        {
          key: 'all',
          title: l10n.t({ message: 'All', comment: 'Samples in any state' }),
          numeric: true,
          cell: (bar) => count(states.reduce((sum, state) => sum + (histogram.counts[state][bar] ?? 0), 0)),
        },
      ]}
    />
  );
}
