import * as l10n from '@vscode/l10n';
import { formatShare } from '../../core/protocol/format';
import { heat } from '../shared/heat';
import type { Theme } from '../shared/theme';

interface PositionsProps {
  readonly title: string;
  /** Share of the images in which each patch is skipped, row by row. */
  readonly shares: readonly number[];
  readonly grid: number;
  readonly theme: Theme;
  readonly active?: number | undefined;
  readonly onPoint: (patch: number | undefined) => void;
}

const SIZE = 220;

/** A picture of how often each position is skipped; hovering shows the number. */
export function Positions({ title, shares, grid, theme, active, onPoint }: PositionsProps) {
  const cell = SIZE / grid;
  return (
    <figure class="positions">
      <figcaption>{title}</figcaption>
      <svg
        width={SIZE}
        height={SIZE}
        viewBox={`0 0 ${SIZE} ${SIZE}`}
        role="img"
        aria-label={l10n.t`${title}: from ${formatShare(Math.min(...shares))} to ${formatShare(Math.max(...shares))} of the images.`}
        onMouseLeave={() => {
          onPoint(undefined);
        }}
      >
        {shares.map((share, patch) => (
          <rect
            key={patch}
            x={(patch % grid) * cell}
            y={Math.floor(patch / grid) * cell}
            width={cell}
            height={cell}
            fill={heat(theme, share)}
            stroke={patch === active ? theme.focus : theme.background}
            stroke-width={patch === active ? 2 : 0.5}
            onMouseEnter={() => {
              onPoint(patch);
            }}
          >
            <title>{l10n.t`row ${Math.floor(patch / grid) + 1}, column ${(patch % grid) + 1}: skipped in ${formatShare(share)}`}</title>
          </rect>
        ))}
      </svg>
    </figure>
  );
}
