import * as l10n from '@vscode/l10n';
import { useState } from 'preact/hooks';
import { formatCount, formatShare } from '../../core/protocol/format';
import type { InspectionProgress, KeptShares } from '../../core/protocol/inspection';
import { costOf, rankText, type NestedFacts } from '../../core/protocol/nested';
import { Table } from '../shared/table';
import { Inspect } from './inspect';

interface SizesProps {
  readonly nested: NestedFacts;
  /** Whether what the sizes keep is computed as soon as it is shown. */
  readonly automatic: boolean;
  readonly cache: Map<string, KeptShares>;
  readonly ask: (signal: AbortSignal, onProgress: (progress: InspectionProgress) => void) => Promise<KeptShares>;
}

/** The trained sizes of a nested model: what each costs, and what it keeps of every layer. */
export function SizesView({ nested, automatic, cache, ask }: SizesProps) {
  const [isOpen, setOpen] = useState(false);
  const sizes = nested.sizes.map((ranks) => ({ ranks, ...costOf(nested, ranks) }));
  const title =
    sizes.length === 1
      ? l10n.t('Nested model with one trained size')
      : l10n.t`Nested model with ${sizes.length} trained sizes`;
  return (
    <details
      class="model-sizes"
      open={isOpen}
      onToggle={(event) => {
        setOpen(event.currentTarget.open);
      }}
    >
      <summary>{title}</summary>
      {isOpen && (
        <>
          <Table
            caption={l10n.t('Trained sizes')}
            hideCaption
            rows={sizes}
            rowKey={({ parameters }) => String(parameters)}
            columns={[
              {
                key: 'parameters',
                title: l10n.t('Parameters'),
                numeric: true,
                cell: (size) => formatCount(size.parameters),
              },
              {
                key: 'share',
                title: l10n.t('Linear parameters kept'),
                numeric: true,
                cell: (size) => formatShare(size.linearShare),
              },
              { key: 'ranks', title: l10n.t('Ranks'), numeric: true, cell: (size) => rankText(size.ranks) },
              {
                key: 'flops',
                title: l10n.t`Operations per token, context ${nested.context}`,
                numeric: true,
                cell: (size) => `${formatCount(size.flopsPerToken)} FLOP`,
              },
            ]}
          />
          <Inspect
            subject="kept"
            automatic={automatic}
            label={l10n.t('Compute what the sizes keep of each layer')}
            cache={cache}
            ask={ask}
          >
            {(kept) => <KeptTable nested={nested} kept={kept} />}
          </Inspect>
        </>
      )}
    </details>
  );
}

/** One row per layer, one column per size: the rank, and the share of the layer's energy. */
function KeptTable({ nested, kept }: { readonly nested: NestedFacts; readonly kept: KeptShares }) {
  return (
    <>
      <p class="muted">
        {l10n.t(
          'The rank of each layer, and the share of its energy (the sum of squares of its weights) that the leading components keep.',
        )}
      </p>
      <Table
        caption={l10n.t('What the sizes keep of each layer')}
        hideCaption
        rows={nested.layers}
        rowKey={({ name }) => name}
        columns={[
          { key: 'layer', title: l10n.t('Layer'), cell: ({ name }) => name },
          ...nested.sizes.map((ranks, i) => ({
            key: String(i),
            title: formatShare(costOf(nested, ranks).linearShare),
            description: l10n.t`${formatCount(costOf(nested, ranks).parameters)} parameters`,
            numeric: true,
            cell: ({ name }: NestedFacts['layers'][number]) => (
              <>
                {ranks[name]} <span class="muted">{formatShare(kept.sizes[i]?.[name] ?? 0)}</span>
              </>
            ),
          })),
        ]}
      />
    </>
  );
}
