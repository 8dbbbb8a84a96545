import * as l10n from '@vscode/l10n';
import type { ChartConfiguration } from 'chart.js';
import { useMemo, useState } from 'preact/hooks';
import { formatInteger, formatNumber, formatShare } from '../../core/protocol/format';
import type { TensorStatistics } from '../../core/protocol/inspection';
import { axisColors, ChartView, tooltipColors } from '../shared/chart';
import { Checkbox } from '../shared/controls';
import { Table } from '../shared/table';
import type { Theme } from '../shared/theme';

const show = (value: number | null) => (value === null ? '–' : formatNumber(value, 6));

export function StatisticsView({ statistics }: { readonly statistics: TensorStatistics }) {
  const { elements, nan, positiveInfinity, negativeInfinity, zeros } = statistics;
  const infinite = positiveInfinity + negativeInfinity;
  const share = (count: number) =>
    `${count.toLocaleString('en-US')}${count > 0 && elements > 0 ? ` (${formatShare(count / elements)})` : ''}`;
  const facts: readonly (readonly [string, string, boolean?])[] = [
    [l10n.t('Min'), statistics.exact ? formatInteger(statistics.exact.min) : show(statistics.min)],
    [l10n.t('Max'), statistics.exact ? formatInteger(statistics.exact.max) : show(statistics.max)],
    [l10n.t('Mean'), show(statistics.mean)],
    [l10n.t('Standard deviation'), show(statistics.std)],
    [l10n.t('Root mean square'), show(statistics.rms)],
    [l10n.t('Norm'), show(statistics.l2)],
    [l10n.t('Zeros'), share(zeros)],
    ['NaN', share(nan), nan > 0],
    [l10n.t('Infinite'), share(infinite), infinite > 0],
  ];
  return (
    <>
      <dl class="facts">
        {facts.map(([label, value, bad]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd class={bad ? 'bad' : ''}>{value}</dd>
          </div>
        ))}
      </dl>
      <HistogramView statistics={statistics} />
      {statistics.quantiles.length > 0 && (
        <Table
          caption={
            statistics.quantileError > 0
              ? l10n.t`Quantiles (within ${formatShare(statistics.quantileError)})`
              : l10n.t('Quantiles')
          }
          rows={statistics.quantiles}
          rowKey={({ p }) => String(p)}
          columns={[
            { key: 'p', title: l10n.t('Share below'), numeric: true, cell: ({ p }) => formatShare(p) },
            { key: 'value', title: l10n.t('Value'), numeric: true, cell: ({ value }) => show(value) },
          ]}
        />
      )}
    </>
  );
}

interface Bin {
  readonly label: string;
  readonly count: number;
}

function HistogramView({ statistics }: { readonly statistics: TensorStatistics }) {
  const [magnitudes, setMagnitudes] = useState(false);
  const [logCount, setLogCount] = useState(false);
  const [asTable, setAsTable] = useState(false);
  const bins = useMemo(
    () => (magnitudes ? magnitudeBins(statistics) : linearBins(statistics)),
    [statistics, magnitudes],
  );
  const config = useMemo(() => {
    return (theme: Theme): ChartConfiguration<'bar', number[], string> => ({
      type: 'bar',
      data: {
        labels: bins.map(({ label }) => label),
        datasets: [
          {
            label: l10n.t('Elements'),
            data: bins.map(({ count }) => count),
            backgroundColor: theme.series[0] ?? '',
            barPercentage: 1,
            categoryPercentage: 1,
          },
        ],
      },
      options: {
        interaction: { mode: 'index', intersect: false },
        scales: {
          x: {
            ...axisColors(theme, magnitudes ? l10n.t('Sign and power of two') : l10n.t('Value')),
            ticks: { ...axisColors(theme, '').ticks, maxTicksLimit: 9, maxRotation: 0 },
            grid: { display: false },
          },
          y: { type: logCount ? 'logarithmic' : 'linear', ...axisColors(theme, l10n.t('Elements')) },
        },
        plugins: { tooltip: tooltipColors(theme) },
      },
    });
  }, [bins, magnitudes, logCount]);
  if (bins.length === 0) return null;
  return (
    <section aria-label={l10n.t('Histogram')}>
      <div class="toolbar">
        <h2>{l10n.t('Histogram')}</h2>
        <Checkbox label={l10n.t('By magnitude')} checked={magnitudes} onChange={setMagnitudes} />
        <Checkbox label={l10n.t('Log count')} checked={logCount} onChange={setLogCount} />
        <Checkbox label={l10n.t('As a table')} checked={asTable} onChange={setAsTable} />
      </div>
      {asTable ? (
        <Table
          caption={l10n.t('Elements by value')}
          hideCaption
          rows={bins}
          rowKey={({ label }) => label}
          columns={[
            { key: 'label', title: l10n.t('Value'), numeric: true, cell: ({ label }) => label },
            {
              key: 'count',
              title: l10n.t('Elements'),
              numeric: true,
              cell: ({ count }) => count.toLocaleString('en-US'),
            },
          ]}
        />
      ) : (
        <ChartView label={l10n.t('Elements by value; the table has the numbers.')} config={config} height={200} />
      )}
    </section>
  );
}

function linearBins({ histogram }: TensorStatistics): Bin[] {
  if (!histogram) return [];
  const { edges, counts, below, above } = histogram;
  const bins = counts.map((count, index) => ({ label: formatNumber(edges[index] ?? 0, 3), count }));
  return [
    ...(below > 0 ? [{ label: l10n.t('below'), count: below }] : []),
    ...bins,
    ...(above > 0 ? [{ label: l10n.t('above'), count: above }] : []),
  ];
}

function magnitudeBins({ magnitudes: { least, negative, positive }, zeros }: TensorStatistics): Bin[] {
  const side = (sign: string, counts: readonly number[]) =>
    counts.map((count, index) => ({ label: `${sign}2^${least + index}`, count }));
  return [...side('−', negative).reverse(), { label: '0', count: zeros }, ...side('', positive)];
}
