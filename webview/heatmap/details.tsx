import * as l10n from '@vscode/l10n';
import { useState } from 'preact/hooks';
import { formatNumber, formatShare } from '../../core/protocol/format';
import type { DecodedFrame } from '../../core/protocol/heatmap-frames';
import type { TokenHeatmap } from '../../core/protocol/heatmap-panel';
import { Table } from '../shared/table';
import type { Theme } from '../shared/theme';
import { Patches, type Overlay } from './patches';
import { Positions } from './positions';

interface DetailsProps {
  readonly heatmap: TokenHeatmap;
  readonly decoded: DecodedFrame;
  /** Index of the image in the heatmap. */
  readonly image: number;
  /** The class selected in the filter. */
  readonly label: number | undefined;
  readonly overlay: Overlay;
  readonly asTable: boolean;
  readonly theme: Theme;
}

const SIZE = 336;

/** One image, enlarged, next to how often each position is skipped over all images; or the same as a table. */
export function Details({ heatmap, decoded, image, label, overlay, asTable, theme }: DetailsProps) {
  const [active, setActive] = useState<number>();
  const { name = '', label: own = 0 } = heatmap.images[image] ?? {};
  const predicted = decoded.frame.predicted[image] ?? 0;
  const patches = heatmap.grid * heatmap.grid;
  const scoreOf = (patch: number) => decoded.scores[image * patches + patch] ?? 0;
  const keeps = (patch: number) => decoded.kept[image * patches + patch] === 1;
  const verdict =
    predicted === own
      ? l10n.t`${heatmap.classes[own] ?? ''}, classified correctly`
      : l10n.t`${heatmap.classes[own] ?? ''}, classified as ${heatmap.classes[predicted] ?? ''}`;
  const byClass = decoded.frame.droppedByClass[label ?? own] ?? [];
  const numbersOf = (patch: number) => {
    const parts = {
      row: Math.floor(patch / heatmap.grid) + 1,
      column: (patch % heatmap.grid) + 1,
      score: formatNumber(scoreOf(patch), 3),
      share: formatShare(decoded.frame.dropped[patch] ?? 0),
    };
    return keeps(patch)
      ? l10n.t('Row {row}, column {column}: score {score}, kept; skipped in {share} of all images.', parts)
      : l10n.t('Row {row}, column {column}: score {score}, skipped; skipped in {share} of all images.', parts);
  };
  if (asTable)
    return (
      <Table
        caption={l10n.t`Patches of ${name} (${verdict})`}
        rows={Array.from({ length: patches }, (_, patch) => patch)}
        rowKey={String}
        columns={[
          { key: 'row', title: l10n.t('Row'), numeric: true, cell: (patch) => Math.floor(patch / heatmap.grid) + 1 },
          { key: 'column', title: l10n.t('Column'), numeric: true, cell: (patch) => (patch % heatmap.grid) + 1 },
          { key: 'score', title: l10n.t('Score'), numeric: true, cell: (patch) => formatNumber(scoreOf(patch), 3) },
          {
            key: 'stays',
            title: l10n.t('This image'),
            cell: (patch) => (keeps(patch) ? l10n.t('kept') : l10n.t('skipped')),
          },
          {
            key: 'all',
            title: l10n.t('Skipped in all images'),
            numeric: true,
            cell: (patch) => formatShare(decoded.frame.dropped[patch] ?? 0),
          },
          {
            key: 'class',
            title: l10n.t`Skipped in class ${heatmap.classes[label ?? own] ?? ''}`,
            numeric: true,
            cell: (patch) => formatShare(byClass[patch] ?? 0),
          },
        ]}
      />
    );
  return (
    <div class="details">
      <figure>
        <figcaption>
          <strong>{name}</strong>: {verdict}
        </figcaption>
        <div
          role="img"
          aria-label={l10n.t`${name}, ${verdict}: ${heatmap.keptPatches} of ${patches} patches are kept. "As a table" lists them.`}
        >
          <Patches
            heatmap={heatmap}
            decoded={decoded}
            index={image}
            size={SIZE}
            overlay={overlay}
            theme={theme}
            grid
            active={active}
            onPoint={setActive}
          />
        </div>
        <p class="muted" aria-live="polite">
          {active === undefined ? l10n.t('Point at a patch to see its numbers.') : numbersOf(active)}
        </p>
      </figure>
      <div class="frequencies">
        <Positions
          title={l10n.t('How often a position is skipped: all images')}
          shares={decoded.frame.dropped}
          grid={heatmap.grid}
          theme={theme}
          active={active}
          onPoint={setActive}
        />
        <Positions
          title={l10n.t`Class ${heatmap.classes[label ?? own] ?? ''}`}
          shares={byClass}
          grid={heatmap.grid}
          theme={theme}
          active={active}
          onPoint={setActive}
        />
      </div>
    </div>
  );
}
