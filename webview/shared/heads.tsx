import * as l10n from '@vscode/l10n';
import { formatCount, formatShare } from '../../core/protocol/format';
import { attentionName, meetings, projectionSizes, type HeadFacts } from '../../core/protocol/heads';
import { Table } from './table';
import './heads.css';

const CELL = 26;
const LABEL = 34;
/** More heads than these have no room for a picture. */
const DRAWN = 32;

/** Which query head meets which key-value head in an attention head, and the parameters that sharing them saves. */
export function HeadGroupingView({ facts }: { readonly facts: HeadFacts }) {
  const { queryHeads, kvHeads, sharedKeyValue } = facts.grouping;
  const sizes = projectionSizes(facts);
  const [own, full] = [
    sizes.reduce((sum, { parameters }) => sum + parameters, 0),
    sizes.reduce((sum, size) => sum + size.full, 0),
  ];
  const keyName = sharedKeyValue ? 'K=V' : 'KV';
  return (
    <div class="heads">
      {Math.max(queryHeads, kvHeads) <= DRAWN && <Meetings facts={facts} keyName={keyName} />}
      <div>
        <p>{sentenceOf(facts)}</p>
        <Table
          caption={l10n.t('Parameters of the projections')}
          rows={[...sizes, { name: l10n.t('Together'), heads: undefined, parameters: own, full }]}
          rowKey={({ name }) => name}
          columns={[
            { key: 'name', title: l10n.t('Projection'), cell: ({ name }) => name },
            { key: 'heads', title: l10n.t('Heads'), numeric: true, cell: ({ heads: count }) => count ?? '' },
            {
              key: 'parameters',
              title: l10n.t('Parameters'),
              numeric: true,
              cell: ({ parameters }) => formatCount(parameters),
            },
            {
              key: 'saved',
              title: l10n.t({ message: 'Saved', comment: 'Parameters that are saved' }),
              numeric: true,
              description: l10n.t('against one head of each kind per attention head'),
              cell: ({ parameters, full: most }) =>
                parameters === most ? '–' : `${formatCount(most - parameters)} (${formatShare(1 - parameters / most)})`,
            },
          ]}
        />
      </div>
    </div>
  );
}

function sentenceOf(facts: HeadFacts): string {
  const { heads, queryHeads, kvHeads, sharedKeyValue } = facts.grouping;
  const queries = queryHeads === 1 ? l10n.t`${queryHeads} query head` : l10n.t`${queryHeads} query heads`;
  const keyValues = kvHeads === 1 ? l10n.t`${kvHeads} key-value head` : l10n.t`${kvHeads} key-value heads`;
  const parts = { variant: attentionName(facts), heads, queries, keyValues };
  return sharedKeyValue
    ? l10n.t(
        '{variant}: {heads} attention heads out of {queries} and {keyValues}, whose keys are also the values.',
        parts,
      )
    : l10n.t('{variant}: {heads} attention heads out of {queries} and {keyValues}.', parts);
}

interface MeetingsProps {
  readonly facts: HeadFacts;
  readonly keyName: string;
}

/** A row for each query head, a column for each key-value head, the number of the attention head where they meet. */
function Meetings({ facts, keyName }: MeetingsProps) {
  const { queryHeads, kvHeads } = facts.grouping;
  const met = meetings(facts);
  const range = (length: number) => Array.from({ length }, (_, i) => i);
  const said = range(queryHeads)
    .map((query) => {
      const own = range(kvHeads).filter((keyValue) => met.has(`${query} ${keyValue}`));
      return l10n.t`query ${query + 1} uses ${own.map((keyValue) => keyValue + 1).join(', ')}`;
    })
    .join('; ');
  return (
    <svg
      width={LABEL + kvHeads * CELL + 2}
      height={LABEL + queryHeads * CELL + 2}
      role="img"
      aria-label={l10n.t`Query heads and the key-value heads that they use: ${said}.`}
    >
      {range(kvHeads).map((keyValue) => (
        <text key={keyValue} class="axis" x={LABEL + (keyValue + 0.5) * CELL} y={LABEL - 8} text-anchor="middle">
          {keyValue + 1}
        </text>
      ))}
      <text class="axis" x={LABEL - 8} y={LABEL - 8} text-anchor="end">
        {keyName}
      </text>
      {range(queryHeads).map((query) => (
        <text key={query} class="axis" x={LABEL - 8} y={LABEL + (query + 0.5) * CELL + 4} text-anchor="end">
          Q{query + 1}
        </text>
      ))}
      {range(queryHeads).flatMap((query) =>
        range(kvHeads).map((keyValue) => {
          const head = met.get(`${query} ${keyValue}`);
          return (
            <g key={`${query} ${keyValue}`}>
              <rect
                class={head === undefined ? 'apart' : 'meet'}
                x={LABEL + keyValue * CELL + 1}
                y={LABEL + query * CELL + 1}
                width={CELL - 2}
                height={CELL - 2}
              />
              {head !== undefined && (
                <text
                  class="head"
                  x={LABEL + (keyValue + 0.5) * CELL}
                  y={LABEL + (query + 0.5) * CELL + 4}
                  text-anchor="middle"
                >
                  {head}
                </text>
              )}
            </g>
          );
        }),
      )}
    </svg>
  );
}
