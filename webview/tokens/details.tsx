import { useState } from 'preact/hooks';
import { formatNumber, formatShare } from '../../core/protocol/format';
import type { DecodedFrame } from '../../core/protocol/token-frames';
import type { TokenMap } from '../../core/protocol/tokens';
import { Table } from '../shared/table';
import type { Theme } from '../shared/theme';
import { Patches, type Overlay } from './patches';
import { Positions } from './positions';

interface DetailsProps {
  readonly map: TokenMap;
  readonly decoded: DecodedFrame;
  /** Number of the image in the map. */
  readonly image: number;
  /** Class that is filtered for. */
  readonly label: number | undefined;
  readonly overlay: Overlay;
  readonly asTable: boolean;
  readonly theme: Theme;
}

const SIZE = 336;

/** One image large, beside how often its places leave in all images; or the same as a table. */
export function Details({ map, decoded, image, label, overlay, asTable, theme }: DetailsProps) {
  const [active, setActive] = useState<number>();
  const { name = '', label: own = 0 } = map.images[image] ?? {};
  const predicted = decoded.frame.predicted[image] ?? 0;
  const patches = map.grid * map.grid;
  const scoreOf = (patch: number) => decoded.scores[image * patches + patch] ?? 0;
  const keeps = (patch: number) => decoded.kept[image * patches + patch] === 1;
  const verdict =
    predicted === own
      ? `${map.classes[own] ?? ''}, classified correctly`
      : `${map.classes[own] ?? ''}, classified as ${map.classes[predicted] ?? ''}`;
  const byClass = decoded.frame.droppedByClass[label ?? own] ?? [];
  if (asTable)
    return (
      <Table
        caption={`Patches of ${name} (${verdict})`}
        rows={Array.from({ length: patches }, (_, patch) => patch)}
        rowKey={String}
        columns={[
          { key: 'row', title: 'Row', numeric: true, cell: (patch) => Math.floor(patch / map.grid) + 1 },
          { key: 'column', title: 'Column', numeric: true, cell: (patch) => (patch % map.grid) + 1 },
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
            title: `Dropped in class ${map.classes[label ?? own] ?? ''}`,
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
          aria-label={`${name}, ${verdict}: ${map.keptPatches} of ${patches} patches are kept. "As a table" lists them.`}
        >
          <Patches
            map={map}
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
            : `Row ${Math.floor(active / map.grid) + 1}, column ${(active % map.grid) + 1}: score ${formatNumber(scoreOf(active), 3)}, ${keeps(active) ? 'kept' : 'dropped'}; dropped in ${formatShare(decoded.frame.dropped[active] ?? 0)} of all images.`}
        </p>
      </figure>
      <div class="frequencies">
        <Positions
          title="How often a position is dropped: all images"
          shares={decoded.frame.dropped}
          grid={map.grid}
          theme={theme}
          active={active}
          onPoint={setActive}
        />
        <Positions
          title={`Class ${map.classes[label ?? own] ?? ''}`}
          shares={byClass}
          grid={map.grid}
          theme={theme}
          active={active}
          onPoint={setActive}
        />
      </div>
    </div>
  );
}
