import * as l10n from '@vscode/l10n';
import type { ChartConfiguration } from 'chart.js';
import { useMemo, useState } from 'preact/hooks';
import { formatNumber, formatShare } from '../../core/protocol/format';
import type { Spectrum } from '../../core/protocol/inspection';
import { axisColors, ChartView, tooltipColors } from '../shared/chart';
import { Checkbox } from '../shared/controls';
import { Emphasized } from '../shared/messages';
import { Table } from '../shared/table';
import type { Theme } from '../shared/theme';

/** What a person chose in the view of a spectrum. */
export interface SpectrumChoices {
  readonly rank: number;
  readonly logY: boolean;
}

interface SpectrumViewProps {
  readonly spectrum: Spectrum;
  /** Choices by the name of the layer: they outlive a look at another tab. */
  readonly kept: Map<string, SpectrumChoices>;
}

function factsOf({ rows, cols, factors, effectiveRank, stableRank, numericalRank, breakEvenRank }: Spectrum): string[] {
  const size = `${rows} × ${cols}`;
  return [
    factors ? l10n.t`${size}, the product of factors of rank ${factors.rank}` : size,
    l10n.t`effective rank ${formatNumber(effectiveRank)}`,
    l10n.t`stable rank ${formatNumber(stableRank)}`,
    l10n.t`numerical rank ${numericalRank}`,
    l10n.t`factors save parameters up to rank ${breakEvenRank}`,
  ];
}

/** Singular values, and how much of the energy the first ones keep. */
export function SpectrumView({ spectrum, kept }: SpectrumViewProps) {
  const { singularValues, energy, rows, cols, breakEvenRank } = spectrum;
  const at95 = spectrum.rankFor.find((entry) => entry.energy === 0.95)?.rank ?? 1;
  const [{ rank, logY }, setChoices] = useState(kept.get(spectrum.name) ?? { rank: at95, logY: false });
  const choose = (change: Partial<SpectrumChoices>) => {
    const next = { rank, logY, ...change };
    kept.set(spectrum.name, next);
    setChoices(next);
  };
  const setRank = (to: number) => {
    choose({ rank: to });
  };
  const full = rows * cols;
  const keeps = energy[rank - 1] ?? 0;
  const size = rank * (rows + cols);
  const parts = { rank, energy: formatShare(keeps), parameters: formatShare(size / full) };
  const finding =
    rank > breakEvenRank
      ? l10n.t(
          '**Rank {rank} keeps {energy}** of the energy, with {parameters} of the parameters — more than the full matrix.',
          parts,
        )
      : l10n.t('**Rank {rank} keeps {energy}** of the energy, with {parameters} of the parameters.', parts);
  const config = useMemo(() => {
    return (theme: Theme): ChartConfiguration<'line', { x: number; y: number }[]> => {
      const line = (label: string, values: readonly number[], axis: string, color: number, dash: number[]) => ({
        label,
        data: values.map((value, index) => ({ x: index + 1, y: value })),
        yAxisID: axis,
        borderColor: theme.series[color] ?? '',
        borderDash: dash,
        borderWidth: 2,
        pointRadius: 0,
        pointHitRadius: 4,
      });
      const mark = (at: number, color: string, dash: number[]) => ({
        label: '',
        data: [
          { x: at, y: 0 },
          { x: at, y: 1 },
        ],
        yAxisID: 'energy',
        borderColor: color,
        borderDash: dash,
        borderWidth: 1,
        pointRadius: 0,
        pointHitRadius: 0,
      });
      return {
        type: 'line',
        data: {
          datasets: [
            line(l10n.t('Singular value'), singularValues, 'y', 0, []),
            line(l10n.t('Energy kept'), energy, 'energy', 1, [6, 3]),
            mark(rank, theme.focus, []),
            ...(breakEvenRank <= singularValues.length ? [mark(breakEvenRank, theme.muted, [2, 3])] : []),
          ],
        },
        options: {
          interaction: { mode: 'index', intersect: false },
          scales: {
            x: { type: 'linear', min: 1, max: singularValues.length, ...axisColors(theme, l10n.t('Rank')) },
            y: { type: logY ? 'logarithmic' : 'linear', ...axisColors(theme, l10n.t('Singular value')) },
            energy: {
              type: 'linear',
              position: 'right',
              min: 0,
              max: 1,
              ...axisColors(theme, l10n.t('Energy kept')),
              grid: { display: false },
            },
          },
          plugins: {
            tooltip: {
              ...tooltipColors(theme),
              filter: ({ datasetIndex }) => datasetIndex < 2,
              callbacks: {
                title: ([item]) => l10n.t`Rank ${item?.parsed.x ?? ''}`,
                label: ({ dataset, parsed }) =>
                  dataset.yAxisID === 'energy'
                    ? l10n.t`Energy kept: ${formatShare(parsed.y ?? 0)}`
                    : l10n.t`Singular value: ${formatNumber(parsed.y ?? 0)}`,
              },
            },
          },
          onClick: (_event, elements) => {
            const index = elements[0]?.index;
            if (index !== undefined) setRank(index + 1);
          },
        },
      };
    };
  }, [spectrum, logY, rank]);

  return (
    <>
      <p class="finding">
        <Emphasized text={finding} />
      </p>
      <div class="toolbar">
        <label class="field">
          <span class="field-label">{l10n.t('Rank')}</span>
          <input
            type="range"
            min={1}
            max={singularValues.length}
            value={rank}
            onInput={({ currentTarget }) => {
              setRank(Number(currentTarget.value));
            }}
          />
        </label>
        <Checkbox
          label={l10n.t({ message: 'Log', comment: 'Logarithmic axis' })}
          checked={logY}
          onChange={(wanted) => {
            choose({ logY: wanted });
          }}
        />
      </div>
      <ChartView
        label={l10n.t`Singular values of ${spectrum.name} and the share of the energy kept by rank; the table has the numbers.`}
        config={config}
        height={260}
      />
      <p class="muted">{factsOf(spectrum).join(' · ')}</p>
      <Table
        caption={l10n.t('Rank that keeps a share of the energy')}
        rows={spectrum.rankFor}
        rowKey={(row) => String(row.energy)}
        onActivate={(row) => {
          setRank(row.rank);
        }}
        columns={[
          { key: 'energy', title: l10n.t('Energy'), numeric: true, cell: (row) => formatShare(row.energy) },
          { key: 'rank', title: l10n.t('Rank'), numeric: true, cell: (row) => row.rank },
          {
            key: 'size',
            title: l10n.t('Parameters'),
            numeric: true,
            cell: (row) => formatShare((row.rank * (rows + cols)) / full),
          },
        ]}
      />
    </>
  );
}
