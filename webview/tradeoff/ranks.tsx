import * as l10n from '@vscode/l10n';
import type { ChartConfiguration } from 'chart.js';
import { useMemo, useState } from 'preact/hooks';
import { axisColors, ChartView, tooltipColors } from '../shared/chart';
import { Checkbox } from '../shared/controls';
import { Table } from '../shared/table';
import { useTheme, type Theme } from '../shared/theme';
import type { Shown } from './model';

interface LayerName {
  readonly block: string;
  readonly layer: string;
}

/** `model.layers.3.self_attn.q_proj` is block 3, layer q_proj; a name without a number is a block of its own. */
export function layerName(name: string): LayerName {
  const found = /^(.*?\.(\d+))\.(.+)$/.exec(name);
  if (!found) return { block: name, layer: '' };
  const last = found[3]?.split('.').at(-1) ?? '';
  return { block: found[2] ?? '', layer: last.replace(/_proj$/, '') };
}

/** The rank of every factored layer of a model, by block, one line for each kind of layer. */
export function RankChart({ shown }: { readonly shown: Shown }) {
  const [asTable, setAsTable] = useState(false);
  const theme = useTheme();
  const ranks = useMemo(() => {
    const rows = Object.entries(shown.point.ranks ?? {}).map(([name, rank]) => ({ ...layerName(name), rank }));
    const blocks = [...new Set(rows.map(({ block }) => block))];
    const layers = [...new Set(rows.map(({ layer }) => layer))];
    const at = new Map(rows.map(({ block, layer, rank }) => [`${block}\n${layer}`, rank]));
    return { blocks, layers, rank: (block: string, layer: string) => at.get(`${block}\n${layer}`) };
  }, [shown]);
  // Bars stand side by side, where lines of equal rank would hide each other; there is room for some blocks of them.
  const bars = ranks.blocks.length <= 24;
  const colorOf = (theme: Theme, index: number) => theme.series[index % theme.series.length] ?? '';
  const config = useMemo(() => {
    return (theme: Theme): ChartConfiguration<'bar' | 'line', (number | null)[], string> => ({
      type: bars ? 'bar' : 'line',
      data: {
        labels: ranks.blocks,
        datasets: ranks.layers.map((layer, index) => ({
          label: layer,
          data: ranks.blocks.map((block) => ranks.rank(block, layer) ?? null),
          borderColor: colorOf(theme, index),
          backgroundColor: colorOf(theme, index),
          borderWidth: bars ? 0 : 1.5,
          pointRadius: 0,
          maxBarThickness: 18,
        })),
      },
      options: {
        interaction: { mode: 'index', intersect: false },
        scales: {
          x: axisColors(theme, l10n.t('Block')),
          y: { ...axisColors(theme, l10n.t('Rank')), beginAtZero: true },
        },
        plugins: { tooltip: tooltipColors(theme) },
      },
    });
  }, [ranks, bars]);

  if (ranks.blocks.length === 0) return <p class="muted">{l10n.t('No layer of this model is factored.')}</p>;
  return (
    <section aria-label={l10n.t`Ranks of ${shown.point.name}`}>
      <div class="toolbar">
        <h2>{l10n.t`Ranks of ${shown.point.name}`}</h2>
        <Checkbox label={l10n.t('As a table')} checked={asTable} onChange={setAsTable} />
      </div>
      {asTable ? (
        <Table
          caption={l10n.t`Ranks of ${shown.point.name} by block`}
          hideCaption
          rows={ranks.blocks}
          rowKey={(block) => block}
          columns={[
            { key: 'block', title: l10n.t('Block'), cell: (block) => block },
            ...ranks.layers.map((layer) => ({
              key: layer,
              title: layer,
              numeric: true,
              cell: (block: string) => ranks.rank(block, layer) ?? '',
            })),
          ]}
        />
      ) : (
        <>
          <ul class="legend" aria-label={l10n.t('Layers')}>
            {ranks.layers.map((layer, index) => (
              <li key={layer}>
                <svg width="12" height="12" aria-hidden="true">
                  <rect width="12" height="12" fill={colorOf(theme, index)} />
                </svg>
                {layer}
              </li>
            ))}
          </ul>
          <ChartView label={l10n.t`Rank of each layer of ${shown.point.name} by block.`} config={config} height={200} />
        </>
      )}
    </section>
  );
}
