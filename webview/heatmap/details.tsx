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
      ? `${heatmap.classes[own] ?? ''}, classified correctly`
      : `${heatmap.classes[own] ?? ''}, classified as ${heatmap.classes[predicted] ?? ''}`;
  const byClass = decoded.frame.droppedByClass[label ?? own] ?? [];
  if (asTable)
    return (
      <Table
        caption={`Patches of ${name} (${verdict})`}
        rows={Array.from({ length: patches }, (_, patch) => patch)}
        rowKey={String}
        columns={[
          { key: 'row', title: 'Row', numeric: true, cell: (patch) => Math.floor(patch / heatmap.grid) + 1 },
          { key: 'column', title: 'Column', numeric: true, cell: (patch) => (patch % heatmap.grid) + 1 },
          { key: 'score', title: 'Score', numeric: true, cell: (patch) => formatNumber(scoreOf(patch), 3) },
          { key: 'stays', title: 'This image', cell: (patch) => (keeps(patch) ? 'kept' : 'dropped') },
          {
            key: 'all',
            title: 'Dropped in all images',
            numeric: true,
            cell: (patch) => formatShare(decoded.frame.dropped[patch] ?? 0),
          },
          {
            key: 'class',
            title: `Dropped in class ${heatmap.classes[label ?? own] ?? ''}`,
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
          aria-label={`${name}, ${verdict}: ${heatmap.keptPatches} of ${patches} patches are kept. "As a table" lists them.`}
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
          {active === undefined
            ? 'Point at a patch to see its numbers.'
            : `Row ${Math.floor(active / heatmap.grid) + 1}, column ${(active % heatmap.grid) + 1}: score ${formatNumber(scoreOf(active), 3)}, ${keeps(active) ? 'kept' : 'dropped'}; dropped in ${formatShare(decoded.frame.dropped[active] ?? 0)} of all images.`}
        </p>
      </figure>
      <div class="frequencies">
        <Positions
          title="How often a position is dropped: all images"
          shares={decoded.frame.dropped}
          grid={heatmap.grid}
          theme={theme}
          active={active}
          onPoint={setActive}
        />
        <Positions
          title={`Class ${heatmap.classes[label ?? own] ?? ''}`}
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
