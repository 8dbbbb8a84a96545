import type { Column } from '../../table';
import type { Tradeoff, TradeoffPoint } from './artifacts';

const columns: readonly Column[] = [
  { title: 'model', align: 'left' },
  { title: 'params' },
  { title: 'linear' },
  { title: 'ranks' },
  { title: 'ppl' },
  { title: 'next' },
  { title: 'choice' },
  { title: 'train/s' },
  { title: 'write/s' },
];

const percent = (share: number) => `${(100 * share).toFixed(1)}%`;
const rounded = (value: number | undefined) => (value === undefined ? '–' : value.toFixed(0));

function perplexity(value: number): string {
  return value < 1000 ? value.toFixed(value < 100 ? 2 : 1) : value < 1e6 ? value.toFixed(0) : value.toExponential(1);
}

function ranks({ ranks }: TradeoffPoint): string {
  const values = Object.values(ranks);
  if (values.length === 0) return 'full';
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return least === most ? String(least) : `${least}–${most}`;
}

/** Mean accuracy over the multiple-choice tasks, each counted alike. */
function choice({ tasks }: TradeoffPoint): string {
  const scores = Object.values(tasks).map(({ accuracy }) => accuracy);
  return scores.length === 0 ? '–' : percent(scores.reduce((sum, score) => sum + score, 0) / scores.length);
}

/** The family and its controls as a table for a terminal of 80 columns, with what the controls say. */
export function describeTradeoff({ points }: Tradeoff): {
  columns: readonly Column[];
  rows: string[][];
  legend: string[];
  notes: string[];
} {
  const parent = points.find(({ kind }) => kind === 'parent');
  const rows = points.map((point) => [
    point.name,
    `${(point.parameters / 1e6).toFixed(2)}M`,
    parent ? percent(point.linearParameters / parent.linearParameters) : '–',
    ranks(point),
    perplexity(point.perplexity),
    percent(point.accuracy),
    choice(point),
    rounded(point.trainTokensPerSecond),
    rounded(point.generateTokensPerSecond),
  ]);
  return {
    columns,
    rows,
    legend: [
      'linear: share of the linear parameters kept     ppl: perplexity on held-out text',
      'next: next-token accuracy                       choice: multiple-choice accuracy',
      'train/s, write/s: tokens per second in training and in generation',
    ],
    notes: [compare(points, 'truncation'), compare(points, 'one-shot')].filter((note) => note !== undefined),
  };
}

const CONTROLS = {
  truncation: 'plain truncation of the parent',
  'one-shot': 'truncating once and training on as many tokens',
} as const;

/** How the members stand against a control of the same size: plainly, also where the control wins. */
function compare(points: readonly TradeoffPoint[], kind: keyof typeof CONTROLS): string | undefined {
  const pairs = points
    .filter((point) => point.kind === kind)
    .flatMap((control) => {
      const member = points.find((point) => point.kind === 'member' && point.targetRatio === control.targetRatio);
      return member ? [{ member, control }] : [];
    });
  if (pairs.length === 0) return undefined;
  const won = pairs.filter(({ member, control }) => member.perplexity < control.perplexity).length;
  const lines = pairs.map(({ member, control }) => {
    const [own, other] = [member, control].map((point) => perplexity(point.perplexity));
    return `  ${percent(member.targetRatio).padStart(6)}  ${own!.padStart(8)} against ${other!}`;
  });
  const sizes = pairs.length === 1 ? 'size' : 'sizes';
  return [`Against ${CONTROLS[kind]}: perplexity lower at ${won} of ${pairs.length} ${sizes}`, ...lines].join('\n');
}
