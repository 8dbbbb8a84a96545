import type { ChartConfiguration } from 'chart.js';
import { useMemo, useState } from 'preact/hooks';
import { formatNumber, formatShare } from '../../core/protocol/format';
import type { Spectrum } from '../../core/protocol/inspection';
import { axisColors, ChartView, tooltipColors } from '../shared/chart';
import { Checkbox } from '../shared/controls';
import { Table } from '../shared/table';
import type { Theme } from '../shared/theme';

/** The user's choices in a spectrum view. */
export interface SpectrumChoices {
  readonly rank: number;
  readonly logY: boolean;
}

interface SpectrumViewProps {
  readonly spectrum: Spectrum;
  /** Choices by layer name, kept while another tab is open. */
  readonly kept: Map<string, SpectrumChoices>;
}

/** Singular values, and the share of the energy that the largest ones keep. */
export function SpectrumView({ spectrum, kept }: SpectrumViewProps) {
  const { singularValues, energy, rows, cols, factors, breakEvenRank } = spectrum;
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
            line('Singular value', singularValues, 'y', 0, []),
            line('Energy kept', energy, 'energy', 1, [6, 3]),
            mark(rank, theme.focus, []),
            ...(breakEvenRank <= singularValues.length ? [mark(breakEvenRank, theme.muted, [2, 3])] : []),
          ],
        },
        options: {
          interaction: { mode: 'index', intersect: false },
          scales: {
            x: { type: 'linear', min: 1, max: singularValues.length, ...axisColors(theme, 'Rank') },
            y: { type: logY ? 'logarithmic' : 'linear', ...axisColors(theme, 'Singular value') },
            energy: {
              type: 'linear',
              position: 'right',
              min: 0,
              max: 1,
              ...axisColors(theme, 'Energy kept'),
              grid: { display: false },
            },
          },
          plugins: {
            tooltip: {
              ...tooltipColors(theme),
              filter: ({ datasetIndex }) => datasetIndex < 2,
              callbacks: {
                title: ([item]) => `Rank ${item?.parsed.x ?? ''}`,
                label: ({ dataset, parsed }) =>
                  dataset.yAxisID === 'energy'
                    ? `Energy kept: ${formatShare(parsed.y ?? 0)}`
                    : `Singular value: ${formatNumber(parsed.y ?? 0)}`,
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
        <strong>
          Rank {rank} keeps {formatShare(keeps)}
        </strong>{' '}
        of the energy, with {formatShare(size / full)} of the parameters
        {rank > breakEvenRank ? ' — more than the full matrix' : ''}.
      </p>
      <div class="toolbar">
        <label class="field">
          <span class="field-label">Rank</span>
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
          label="Log"
          checked={logY}
          onChange={(wanted) => {
            choose({ logY: wanted });
          }}
        />
      </div>
      <ChartView
        label={`Singular values of ${spectrum.name} and the share of the energy kept by rank; the table has the numbers.`}
        config={config}
        height={260}
      />
      <p class="muted">
        {rows} × {cols}
        {factors ? `, the product of factors of rank ${factors.rank}` : ''} · effective rank{' '}
        {formatNumber(spectrum.effectiveRank)} · stable rank {formatNumber(spectrum.stableRank)} · numerical rank{' '}
        {spectrum.numericalRank} · factors save parameters up to rank {breakEvenRank}
      </p>
      <Table
        caption="Rank that keeps a share of the energy"
        rows={spectrum.rankFor}
        rowKey={(row) => String(row.energy)}
        onActivate={(row) => {
          setRank(row.rank);
        }}
        columns={[
          { key: 'energy', title: 'Energy', numeric: true, cell: (row) => formatShare(row.energy) },
          { key: 'rank', title: 'Rank', numeric: true, cell: (row) => row.rank },
          {
            key: 'size',
            title: 'Parameters',
            numeric: true,
            cell: (row) => formatShare((row.rank * (rows + cols)) / full),
          },
        ]}
      />
    </>
  );
}
