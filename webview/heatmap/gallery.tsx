import * as l10n from '@vscode/l10n';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { DecodedFrame } from '../../core/protocol/heatmap-frames';
import type { TokenHeatmap } from '../../core/protocol/heatmap-panel';
import type { Theme } from '../shared/theme';
import { VirtualList } from '../shared/virtual-list';
import { Patches, type Overlay } from './patches';

interface GalleryProps {
  readonly heatmap: TokenHeatmap;
  readonly decoded: DecodedFrame;
  /** Numbers of the images to show. */
  readonly shown: readonly number[];
  readonly selected: number;
  readonly overlay: Overlay;
  readonly theme: Theme;
  readonly onSelect: (index: number) => void;
}

const SIZE = 72;
const CELL = SIZE + 10;
const ROW = SIZE + 28;

/** All images, of which only the rows in view are drawn. Arrow keys walk over them. */
export function Gallery({ heatmap, decoded, shown, selected, overlay, theme, onSelect }: GalleryProps) {
  const frame = useRef<HTMLDivElement>(null);
  const [perRow, setPerRow] = useState(6);
  useEffect(() => {
    const element = frame.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(() => {
      setPerRow(Math.max(1, Math.floor((element.clientWidth - 16) / CELL)));
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
    };
  }, []);
  const rows = Array.from({ length: Math.ceil(shown.length / perRow) }, (_, row) =>
    shown.slice(row * perRow, (row + 1) * perRow),
  );
  const at = shown.indexOf(selected);
  return (
    <div ref={frame} class="gallery">
      <VirtualList
        label={l10n.t('Images; arrow keys move between them')}
        rows={rows}
        rowHeight={ROW}
        active={at < 0 ? 0 : Math.floor(at / perRow)}
        onKeyDown={(event) => {
          const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: perRow, ArrowUp: -perRow }[event.key];
          if (by === undefined) return;
          event.preventDefault();
          const next = shown[Math.min(Math.max(at + by, 0), shown.length - 1)];
          if (next !== undefined) onSelect(next);
        }}
        render={(row, number) => (
          <div key={number} class="gallery-row" style={{ height: `${ROW}px` }}>
            {row.map((index) => {
              const { label = 0, name = '' } = heatmap.images[index] ?? {};
              const predicted = decoded.frame.predicted[index] ?? 0;
              const right = predicted === label;
              const [own, other] = [heatmap.classes[label] ?? '', heatmap.classes[predicted] ?? ''];
              return (
                <div
                  key={index}
                  role="option"
                  class={`thumb${right ? '' : ' wrong'}`}
                  aria-selected={index === selected}
                  aria-label={
                    right ? l10n.t`${name}: ${own}, correct` : l10n.t`${name}: ${own}, classified as ${other}`
                  }
                  title={name}
                  onClick={() => {
                    onSelect(index);
                  }}
                >
                  <Patches
                    heatmap={heatmap}
                    decoded={decoded}
                    index={index}
                    size={SIZE}
                    overlay={overlay}
                    theme={theme}
                    grid={false}
                  />
                  <span>{right ? own : `✗ ${own} → ${other}`}</span>
                </div>
              );
            })}
          </div>
        )}
      />
    </div>
  );
}
