import * as l10n from '@vscode/l10n';
import { render } from 'preact';
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { formatEpochs, formatNumber, formatShare } from '../../core/protocol/format';
import {
  sampleStates,
  type ImportanceContract,
  type ImportanceHistogram,
  type ImportanceOverview,
  type ImportanceRun,
  type PassSummary,
  type SampleQuery,
  type SampleState,
} from '../../core/protocol/importance';
import { Button, Checkbox, Dropdown, Spinner } from '../shared/controls';
import { connectHost } from '../shared/host';
import { Empty, Problem } from '../shared/messages';
import { usePanelState } from '../shared/panel-state';
import { useTheme } from '../shared/theme';
import { useLoaded } from '../shared/use-host';
import { barsOf, barTitle, peakOf, scoresOf, wrongOf } from './bars';
import { BarsTable } from './bars-table';
import { Histogram, stateColors, wrongColor } from './histogram';
import { Passes } from './passes';
import { Samples } from './samples';
import {
  ALL,
  BARS,
  count,
  flaggedAt,
  INITIAL,
  LAST,
  labelIndex,
  queryOf,
  stateName,
  stateTitle,
  withKnownList,
  type BarRange,
  type State,
} from './state';
import { WrongLabelsLine } from './wrong-labels';
import '../shared/styles.css';
import './importance.css';

const host = connectHost<ImportanceContract>();

function App() {
  const [run, setRun] = useState<ImportanceRun>();
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    host.request('load', undefined).then(setRun, setError);
    return host.on('changed', (next) => {
      setError(undefined);
      setRun(next);
    });
  }, []);
  if (error !== undefined) return <Problem error={error} />;
  if (!run) return <Spinner label={l10n.t('Reading the run…')} />;
  const pass = run.overview?.passes.at(-1);
  if (!run.overview || !pass) return <Empty>{run.problem ?? l10n.t('The run has not selected samples yet.')}</Empty>;
  return <Importance run={run} overview={run.overview} last={pass} />;
}

interface ImportanceProps {
  readonly run: ImportanceRun;
  readonly overview: ImportanceOverview;
  readonly last: PassSummary;
}

function Importance({ run, overview, last }: ImportanceProps) {
  const [kept, choose] = usePanelState<State>(INITIAL);
  const [flagged, setFlagged] = useState(overview.flagged);
  /** Increases when flags change other than one by one, so that lists are read again. */
  const [revision, setRevision] = useState(0);
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    setFlagged(overview.flagged);
  }, [overview]);
  const state = withKnownList(kept);
  const theme = useTheme();
  const { passes } = overview;
  const at = Math.min(state.pass, passes.length - 1);
  const pass = passes[at] ?? last;
  const label = labelIndex(overview, state);
  const onPass = useCallback(
    (next: number) => {
      choose({ pass: next === passes.length - 1 ? LAST : next });
    },
    [choose, passes.length],
  );

  const loaded = useLoaded(
    (signal) =>
      host.request(
        'histogram',
        { epoch: pass.epoch, label, bins: BARS, scale: state.scale === '' ? undefined : state.scale },
        { signal },
      ),
    [pass.epoch, label, overview, state.scale],
  );
  const histogram = loaded.state === 'ready' ? loaded.value : undefined;
  // The highest bar so far for this class: if the axis changed with every selection, it would hide how the bars change.
  const peaks = useRef(new Map<string, number>());
  const axis = `${histogram?.scale ?? ''} ${state.label}`;
  const peak = Math.max(peaks.current.get(axis) ?? 0, histogram ? peakOf(histogram) : 0);
  peaks.current.set(axis, peak);

  const bars = state.bars;
  const range = histogram && scoresOf(histogram, bars);
  const query = useMemo(
    () => queryOf(overview, state, pass, range),
    [
      overview,
      pass.epoch,
      range?.from,
      range?.to,
      ...[state.label, state.state, state.list, state.wrong, state.flagged, state.search, revision],
    ],
  );
  const flagList = (list: SampleQuery, marks: boolean) => {
    setError(undefined);
    host.request('flagList', { query: list, flagged: marks }).then((now) => {
      setFlagged(now);
      setRevision((before) => before + 1);
    }, setError);
  };
  const shown: readonly SampleState[] = state.state === '' ? sampleStates : [state.state];
  const onBars = (next: State['bars']) => {
    choose({ bars: next });
  };

  return (
    <>
      <div class="toolbar">
        <Passes passes={passes} at={at} onPass={onPass} />
        {overview.classes.length > 0 && (
          <Dropdown
            label={l10n.t('Class')}
            value={state.label}
            choices={[
              { value: '', label: l10n.t({ message: 'All', comment: 'All classes' }) },
              ...overview.classes.map((name) => ({ value: name, label: name })),
            ]}
            onChange={(next) => {
              choose({ label: next });
            }}
          />
        )}
        <Dropdown<State['state']>
          label={l10n.t('State')}
          value={state.state}
          choices={[
            { value: '', label: l10n.t({ message: 'All', comment: 'All states of samples' }) },
            ...sampleStates.map((value) => ({ value, label: stateTitle(value) })),
          ]}
          onChange={(next) => {
            choose({ state: next });
          }}
        />
        {overview.score !== 'forgetting' && (
          <Checkbox
            label={l10n.t('Scores by decades')}
            checked={histogram?.scale === 'log'}
            onChange={(log) => {
              // The bars change, so the selected ones no longer exist.
              choose({ scale: log ? 'log' : 'linear', bars: null });
            }}
          />
        )}
        <Checkbox
          label={l10n.t('As a table')}
          checked={state.asTable}
          onChange={(asTable) => {
            choose({ asTable });
          }}
        />
      </div>
      <p class="summary">{summarize(run, overview, pass)}</p>
      {pass.wrong && (
        <WrongLabelsLine
          wrong={pass.wrong}
          truth={histogram?.truth}
          onList={() => {
            choose({ ...ALL, list: 'mislabeled' });
          }}
          onFlag={() => {
            flagList({ epoch: pass.epoch, list: 'mislabeled' }, true);
          }}
        />
      )}
      {error !== undefined && <Problem error={error} />}
      <div class="legend-line">
        {shown.map((name) => (
          <span key={name} class="key">
            <span class="swatch" style={{ background: stateColors(theme)[name] }} />
            {name === 'returned' ? l10n.t('Returned (dropped at the previous selection)') : stateTitle(name)}
            {histogram && ` ${count(barsOf(histogram.counts[name]))}`}
          </span>
        ))}
        {histogram?.wrong && (
          <span class="key">
            <span class="swatch narrow" style={{ background: wrongColor(theme) }} />
            {l10n.t({ message: 'Label looks wrong', comment: 'A mark in the histogram, followed by a number' })}
            {` ${count(wrongOf(histogram, shown))}`}
          </span>
        )}
        {histogram && histogram.unscored > 0 && <span>{l10n.t`${count(histogram.unscored)} without a score`}</span>}
      </div>
      {loaded.state === 'failed' ? (
        <Problem error={loaded.error} />
      ) : !histogram ? (
        <Spinner label={l10n.t('Counting scores…')} />
      ) : state.asTable ? (
        <div class="bars-table">
          <BarsTable histogram={histogram} shown={shown} bars={bars} onBars={onBars} />
        </div>
      ) : (
        <Histogram
          histogram={histogram}
          score={overview.score}
          threshold={pass.threshold}
          peak={peak}
          shown={shown}
          bars={bars}
          onBars={onBars}
        />
      )}
      {histogram && (
        <p class="brush" aria-live="polite">
          {bars ? (
            <>
              {`${barTitle(histogram, bars.first, bars.last)}: ${inBars(histogram, shown, bars)} `}
              <Button
                label={l10n.t('Clear range')}
                onClick={() => {
                  onBars(null);
                }}
              />
            </>
          ) : (
            <span class="muted">
              {state.asTable
                ? l10n.t('Choose a row to list the samples of a range of scores.')
                : l10n.t('Drag over the bars to list the samples of a range of scores.')}
            </span>
          )}
        </p>
      )}
      <Samples
        host={host}
        overview={overview}
        query={query}
        state={state}
        flagged={flagged}
        onFlagged={setFlagged}
        onUnflag={() => {
          flagList(flaggedAt(pass), false);
        }}
        onChoose={(change) => {
          // Whether a label is doubtful follows from the model's final predictions.
          choose(change.list === 'mislabeled' ? { ...change, pass: LAST, bars: null } : change);
        }}
      />
    </>
  );
}

function summarize(
  { runName, live }: ImportanceRun,
  { variant, seed, samples, skipHardest, balanced }: ImportanceOverview,
  { epoch, kept, returned, threshold, leftOut = 0 }: PassSummary,
): string {
  const parts = {
    run: runName,
    variant,
    seed,
    epochs: formatEpochs(epoch),
    kept: count(kept),
    samples: count(samples),
    share: formatShare(kept / samples),
    which: whichOf(threshold, balanced, skipHardest, leftOut),
    returned: count(returned),
  };
  const sentence =
    returned > 0
      ? l10n.t(
          '{run}, {variant}, seed {seed}: after {epochs} {kept} of {samples} samples ({share}) are kept, {which}, {returned} of them dropped at the previous selection.',
          parts,
        )
      : l10n.t(
          '{run}, {variant}, seed {seed}: after {epochs} {kept} of {samples} samples ({share}) are kept, {which}.',
          parts,
        );
  return live ? `${sentence} ${l10n.t('The run continues; later selections appear here.')}` : sentence;
}

/** What the chosen bars hold. */
const inBars = (histogram: ImportanceHistogram, shown: readonly SampleState[], bars: BarRange): string =>
  [
    ...shown.map((name) => `${count(barsOf(histogram.counts[name], bars))} ${stateName(name)}`),
    ...(histogram.wrong ? [l10n.t`${count(wrongOf(histogram, shown, bars))} look wrong`] : []),
  ].join(', ');

/** Which samples are kept, as a part of a sentence. */
function whichOf(
  threshold: number | null,
  balanced: boolean,
  skipHardest: ImportanceOverview['skipHardest'],
  leftOut: number,
): string {
  if (threshold === null) {
    if (skipHardest === 'auto' && leftOut > 0)
      return l10n.t`drawn with probabilities that increase with their scores, but not the ${count(leftOut)} that look wrong`;
    return l10n.t('drawn with probabilities that increase with their scores');
  }
  const score = formatNumber(threshold, 3);
  const least = balanced
    ? l10n.t`those with a score from ${score} (the lowest of all classes)`
    : l10n.t`those with a score from ${score}`;
  if (skipHardest === 'auto')
    return leftOut > 0 ? l10n.t`${least}, but not the ${count(leftOut)} that look wrong` : least;
  return skipHardest > 0 ? l10n.t`${least}, but not the highest ${formatShare(skipHardest)}` : least;
}

const root = document.getElementById('root');
if (root) render(<App />, root);
