import * as l10n from '@vscode/l10n';
import { useEffect, useId, useMemo, useRef, useState } from 'preact/hooks';
import { formatCount, formatShare } from '../../core/protocol/format';
import { costOf, ranksWithin, rankText, trainedSize, type NestedFacts } from '../../core/protocol/nested';
import type { AskedSize, EvaluatedSize, TradeoffAxis } from '../../core/protocol/tradeoff';
import { Button, Spinner } from '../shared/controls';
import { HostError } from '../shared/host';
import { Problem } from '../shared/messages';
import { formatAxis } from './chart';
import type { Shown } from './model';

/** A nested model that the panel shows. */
export type NestedPoint = Shown & {
  readonly point: Shown['point'] & { readonly sizes: NestedFacts; readonly checkpoint: string };
};

export const isNested = (shown: Shown): shown is NestedPoint =>
  shown.point.sizes !== undefined && shown.point.checkpoint !== undefined;

interface SizesProps {
  readonly nested: NestedPoint;
  readonly axes: readonly TradeoffAxis[];
  /** The parameters of the chosen size. */
  readonly chosen: number | undefined;
  readonly onChoose: (parameters: number) => void;
  readonly evaluated: readonly EvaluatedSize[];
  readonly evaluate: (size: AskedSize, signal: AbortSignal) => Promise<void>;
  readonly save: (
    size: AskedSize & { readonly name: string; readonly evaluate: boolean },
    signal: AbortSignal,
  ) => Promise<string | undefined>;
  readonly onCopy: (text: string) => void;
}

/** Rest of the slider, in milliseconds, before its size is evaluated: the arrow keys step through many. */
const REST = 400;
/** Trained sizes attract the slider from this far, as a share of its length; an arrow key moves it by 1 %. */
const ATTRACTION = 0.004;

type Work = { readonly what: 'evaluating' | 'saving'; readonly stop: AbortController } | undefined;

/** A slider over all sizes of a nested model: what each costs, at once; and how good it is, evaluated where it comes to rest. */
export function Sizes({ nested, axes, chosen, onChoose, evaluated, evaluate, save, onCopy }: SizesProps) {
  const { name, checkpoint, sizes: facts } = nested.point;
  const id = useId();
  const [work, setWork] = useState<Work>();
  const [error, setError] = useState<unknown>();
  const [saved, setSaved] = useState<string>();
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const running = useRef<AbortController | undefined>(undefined);

  const trained = useMemo(() => facts.sizes.map((ranks) => costOf(facts, ranks).parameters), [facts]);
  const [most, least] = [trained[0]!, trained.at(-1)!];
  const ranks = ranksWithin(facts, 'parameters', chosen ?? most) ?? facts.sizes.at(-1)!;
  const cost = costOf(facts, ranks);
  const at = trainedSize(facts, ranks);
  const asked: AskedSize = { checkpoint, parameters: cost.parameters };
  const values = useMemo(() => valuesAt(nested, ranks, evaluated), [nested, evaluated, cost.parameters]);

  const stop = () => {
    clearTimeout(timer.current);
    running.current?.abort();
    running.current = undefined;
    setWork(undefined);
  };
  // A request of a model that is not shown anymore is not waited for.
  useEffect(
    () => () => {
      clearTimeout(timer.current);
      running.current?.abort();
    },
    [nested.id],
  );

  const start = (what: 'evaluating' | 'saving', task: (signal: AbortSignal) => Promise<void>) => {
    stop();
    const controller = new AbortController();
    running.current = controller;
    setError(undefined);
    setSaved(undefined);
    setWork({ what, stop: controller });
    task(controller.signal)
      .catch((reason: unknown) => {
        if (!controller.signal.aborted) setError(reason);
      })
      .finally(() => {
        if (running.current === controller) setWork(undefined);
      });
  };
  const move = (parameters: number) => {
    const near = trained.find((size) => Math.abs(size - parameters) <= ATTRACTION * (most - least));
    const found = ranksWithin(facts, 'parameters', near ?? parameters) ?? facts.sizes.at(-1)!;
    stop();
    setError(undefined);
    setSaved(undefined);
    onChoose(costOf(facts, found).parameters);
  };
  const rest = () => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      latest.current();
    }, REST);
  };
  const evaluateNow = () => {
    if (valuesAt(nested, ranks, evaluated) === undefined) start('evaluating', (signal) => evaluate(asked, signal));
  };
  /** The timer runs later than this render. */
  const latest = useRef(evaluateNow);
  latest.current = evaluateNow;

  const share = formatShare(cost.linearShare);
  const said = l10n.t`${formatCount(cost.parameters)} parameters, ${share} of the linear parameters`;
  const isEvaluated = values !== undefined;
  const qualities = axes.filter(({ role, key }) => role === 'quality' && values?.[key] !== undefined);
  return (
    <section class="sizes" aria-label={l10n.t`Sizes of ${name}`}>
      <h2 id={id}>{l10n.t`Sizes of ${name}`}</h2>
      <div class="size-slider">
        <input
          type="range"
          aria-labelledby={id}
          aria-valuetext={said}
          min={least}
          max={most}
          step="any"
          value={cost.parameters}
          onInput={(event) => {
            move(event.currentTarget.valueAsNumber);
          }}
          onChange={rest}
        />
        <div class="size-marks" aria-hidden="true">
          {trained.map((size) => (
            <span key={size} style={{ left: `${most === least ? 0 : (100 * (size - least)) / (most - least)}%` }} />
          ))}
        </div>
      </div>
      <dl class="facts">
        <Fact
          label={l10n.t('Parameters')}
          value={`${formatCount(cost.parameters)} (${cost.parameters.toLocaleString('en-US')})`}
        />
        <Fact label={l10n.t('Linear parameters kept')} value={share} />
        <Fact label={l10n.t('Operations per token')} value={`${formatCount(cost.flopsPerToken)} FLOP`} />
        <Fact label={l10n.t('Ranks')} value={rankText(ranks)} />
        {qualities.map((axis) => (
          <Fact key={axis.key} label={axis.label} value={formatAxis(axis, values![axis.key]!)} />
        ))}
      </dl>
      <div class="toolbar" aria-live="polite">
        {work ? (
          <>
            <Spinner label={work.what === 'saving' ? l10n.t('Writing…') : l10n.t('Evaluating…')} />
            <Button label={l10n.t('Cancel')} onClick={stop} />
          </>
        ) : (
          <>
            {!isEvaluated && <Button label={l10n.t('Evaluate')} appearance="primary" onClick={evaluateNow} />}
            <Button
              label={l10n.t('Save as Checkpoint…')}
              title={l10n.t('Write this size as a model of its own')}
              onClick={() => {
                const folder = `slice-${Number((100 * cost.linearShare).toFixed(2))}pct`;
                start('saving', async (signal) => {
                  setSaved(await save({ ...asked, name: folder, evaluate: isEvaluated }, signal));
                });
              }}
            />
            <Button
              label={l10n.t('Copy Command')}
              title={l10n.t('The command that writes this size')}
              onClick={() => {
                onCopy(`winnow slice ${quoted(checkpoint)} --parameters ${cost.parameters}`);
              }}
            />
          </>
        )}
        <span class="muted">
          {at >= 0
            ? l10n.t('The model was trained at this size.')
            : l10n.t('The model was not trained at this size, but at sizes around it.')}
        </span>
      </div>
      {saved !== undefined && <p role="status">{l10n.t`Written to ${saved}.`}</p>}
      {error !== undefined && !isAborted(error) && <Problem error={error} />}
    </section>
  );
}

const Fact = ({ label, value }: { readonly label: string; readonly value: string }) => (
  <div>
    <dt>{label}</dt>
    <dd>{value}</dd>
  </div>
);

const isAborted = (error: unknown) => error instanceof HostError && error.code === 'request.aborted';

/** What is known about the quality of a size: from a model of the run itself, or from an evaluation. */
function valuesAt(
  { run, point: { series, checkpoint } }: NestedPoint,
  ranks: Readonly<Record<string, number>>,
  evaluated: readonly EvaluatedSize[],
): Readonly<Record<string, number>> | undefined {
  const isThis = (other: Readonly<Record<string, number>> = {}) =>
    Object.keys(other).length === Object.keys(ranks).length &&
    Object.entries(ranks).every(([name, rank]) => other[name] === rank);
  const own = run.points.find((point) => point.series === series && isThis(point.ranks));
  return (own ?? evaluated.find((size) => size.checkpoint === checkpoint && isThis(size.ranks)))?.values;
}

/** For a POSIX shell or PowerShell. */
const quoted = (path: string) => (/^[\w./\\:@+-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`);
