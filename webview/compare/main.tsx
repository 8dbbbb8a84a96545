import * as l10n from '@vscode/l10n';
import { render } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import {
  columnsOf,
  differs,
  groupTitle,
  showValue,
  sortRuns,
  type CompareColumn,
  type ComparedRun,
  type CompareContract,
} from '../../core/protocol/compare';
import { groupRuns, SAME_BUT_SEED } from '../../core/protocol/compare-groups';
import { runStateName } from '../../core/protocol/runs';
import type { PanelCommand } from '../../core/protocol/targets';
import { Button, Checkbox, Dropdown, Spinner, TextField } from '../shared/controls';
import { ExportButtons } from '../shared/export-buttons';
import { connectHost } from '../shared/host';
import { Empty, Problem } from '../shared/messages';
import { usePanelState } from '../shared/panel-state';
import '../shared/styles.css';
import './compare.css';
import { Grid, type Sorting } from './grid';
import { Groups } from './groups';
import { Plot, type PlotChoices } from './plot';
import type { AskSparklines } from './sparkline';

const host = connectHost<CompareContract>();

/** What a person chose. */
interface Choices {
  readonly onlyDifferent: boolean;
  readonly runs: string;
  readonly columns: string;
  readonly sorting: Sorting | undefined;
  readonly hidden: readonly string[];
  readonly baseline: string;
  readonly selected: string;
  /** Key of a column, SAME_BUT_SEED, or empty for none. */
  readonly groupBy: string;
  readonly plotted: boolean;
  readonly plot: PlotChoices;
}
const initial: Choices = {
  onlyDifferent: true,
  runs: '',
  columns: '',
  sorting: undefined,
  hidden: [],
  baseline: '',
  selected: '',
  groupBy: '',
  plotted: false,
  plot: { x: '', y: '', logX: false, logY: false },
};

/** What a column is found by: its name in the spec, and what stands over it. */
const namesOf = ({ key, group, title }: CompareColumn) => `${key} ${groupTitle(group)} ${title}`.toLowerCase();

const wordsOf = (text: string) => text.toLowerCase().split(/\s+/).filter(Boolean);

function App() {
  const [all, setAll] = useState<readonly ComparedRun[]>();
  const [error, setError] = useState<unknown>();
  const [chosen, choose] = usePanelState(initial);
  useEffect(() => {
    host.request('load', undefined).then(setAll, setError);
    return host.on('changed', setAll);
  }, []);

  const columns = useMemo(() => columnsOf(all ?? []), [all]);
  const shownColumns = useMemo(() => {
    const words = wordsOf(chosen.columns);
    return columns.filter(
      (column) =>
        !chosen.hidden.includes(column.key) &&
        words.every((word) => namesOf(column).includes(word)) &&
        (!chosen.onlyDifferent || (all?.length ?? 0) < 2 || differs(column, all ?? [])),
    );
  }, [all, columns, chosen.columns, chosen.hidden, chosen.onlyDifferent]);
  const runs = useMemo(() => {
    const words = wordsOf(chosen.runs);
    const found = (all ?? []).filter((run) => {
      const { name, id, method, state, tags, notes } = run;
      const text = [name, id, method, state, runStateName(state), ...tags, notes].join(' ').toLowerCase();
      return words.every((word) => text.includes(word));
    });
    const by = columns.find(({ key }) => key === chosen.sorting?.key);
    return by && chosen.sorting ? sortRuns(found, by, chosen.sorting.direction) : found;
  }, [all, columns, chosen.runs, chosen.sorting]);

  const groups = useMemo(
    () => (chosen.groupBy === '' ? [] : groupRuns(runs, columns, chosen.groupBy)),
    [runs, columns, chosen.groupBy],
  );
  // The runs of a group stand together.
  const ordered = useMemo(() => (groups.length > 0 ? groups.flatMap((group) => group.runs) : runs), [groups, runs]);
  // What a run has measured since is asked for anew.
  const askSparklines = useMemo((): AskSparklines => {
    const asked = new Map<string, ReturnType<AskSparklines>>();
    return (runDir) => {
      const known = asked.get(runDir) ?? host.request('sparklines', { runDir });
      asked.set(runDir, known);
      return known;
    };
  }, [all]);

  if (error !== undefined) return <Problem error={error} />;
  if (!all) return <Spinner label={l10n.t('Reading the runs…')} />;
  const baseline = all.find(({ dir }) => dir === chosen.baseline);
  const selected = runs.find(({ dir }) => dir === chosen.selected);
  const run = (command: PanelCommand, { dir }: ComparedRun) => {
    host.request('command', { command, target: { kind: 'run', runDir: dir } }).catch(setError);
  };
  const save = (name: string, content: string) => {
    host.request('save', { name, content }).catch(setError);
  };
  const table = () => ({
    header: ['run', ...shownColumns.map(({ name: column }) => column)],
    rows: runs.map((of) => [
      of.name,
      ...shownColumns.map((column) => {
        const value = column.value(of);
        return typeof value === 'number' ? value : showValue(value);
      }),
    ]),
  });
  const counts = {
    runs: runs.length,
    allRuns: all.length,
    columns: shownColumns.length,
    allColumns: columns.length,
  };
  const sort = (key: string) => {
    const { sorting } = chosen;
    if (sorting?.key !== key) choose({ sorting: { key, direction: 'up' } });
    else choose({ sorting: sorting.direction === 'up' ? { key, direction: 'down' } : undefined });
  };

  return (
    <>
      <div class="toolbar">
        <TextField
          label={l10n.t('Runs')}
          hideLabel
          placeholder={l10n.t('Filter runs')}
          value={chosen.runs}
          onInput={(text) => {
            choose({ runs: text });
          }}
        />
        <TextField
          label={l10n.t('Columns')}
          hideLabel
          placeholder={l10n.t('Filter columns')}
          value={chosen.columns}
          onInput={(text) => {
            choose({ columns: text });
          }}
        />
        <Checkbox
          label={l10n.t('Only what differs')}
          checked={chosen.onlyDifferent}
          onChange={(onlyDifferent) => {
            choose({ onlyDifferent });
          }}
        />
        {chosen.hidden.length > 0 && (
          <Button
            label={l10n.t`Show ${chosen.hidden.length} hidden`}
            onClick={() => {
              choose({ hidden: [] });
            }}
          />
        )}
        <Dropdown
          label={l10n.t('Group by')}
          value={chosen.groupBy}
          choices={[
            { value: '', label: l10n.t('Nothing') },
            { value: SAME_BUT_SEED, label: l10n.t('Everything but the seed') },
            ...columns
              .filter(({ group, name }) => group !== 'Metrics' && !['created', 'duration', 'note'].includes(name))
              .map(({ key, group, title }) => ({ value: key, label: `${groupTitle(group)}: ${title}` })),
          ]}
          onChange={(groupBy) => {
            choose({ groupBy });
          }}
        />
        <Checkbox
          label={l10n.t('Chart')}
          title={l10n.t('A result against a setting')}
          checked={chosen.plotted}
          onChange={(plotted) => {
            choose({ plotted });
          }}
        />
        <div class="group spread">
          <ExportButtons name="runs" table={table} onSave={save} />
          <Button
            label={l10n.t('Runs…')}
            title={l10n.t('Choose the runs to compare')}
            onClick={() => {
              host.request('chooseRuns', undefined).then((next) => {
                if (next) setAll(next);
              }, setError);
            }}
          />
        </div>
      </div>
      {selected && (
        <div class="toolbar" role="group" aria-label={l10n.t`Actions on ${selected.name}`}>
          <strong>{selected.name}</strong>
          <Button
            label={l10n.t('Show in tree')}
            onClick={() => {
              run('showRun', selected);
            }}
          />
          <Button
            label={l10n.t('Curves')}
            onClick={() => {
              run('openCurves', selected);
            }}
          />
          <Button
            label={baseline?.dir === selected.dir ? l10n.t('Unpin baseline') : l10n.t('Pin as baseline')}
            onClick={() => {
              choose({ baseline: baseline?.dir === selected.dir ? '' : selected.dir });
            }}
          />
        </div>
      )}
      {chosen.plotted && runs.length > 0 && (
        <Plot
          runs={runs}
          columns={columns}
          chosen={chosen.plot}
          selected={chosen.selected}
          onChoose={(change) => {
            choose({ plot: { ...chosen.plot, ...change } });
          }}
          onSelect={({ dir }) => {
            choose({ selected: dir });
          }}
        />
      )}
      {groups.length > 0 && (
        <Groups
          groups={groups}
          columns={shownColumns}
          onChoose={({ runs: [first] }) => {
            if (first) choose({ selected: first.dir });
          }}
        />
      )}
      {all.length === 0 ? (
        <Empty>{l10n.t('There are no runs yet.')}</Empty>
      ) : (
        <Grid
          runs={ordered}
          columns={shownColumns}
          askSparklines={askSparklines}
          sorting={chosen.sorting}
          baseline={baseline}
          selected={chosen.selected}
          onSort={sort}
          onHide={(key) => {
            choose({ hidden: [...chosen.hidden, key] });
          }}
          onSelect={({ dir }) => {
            choose({ selected: dir });
          }}
          onOpen={(of) => {
            run('openCurves', of);
          }}
        />
      )}
      <p class="muted">
        {baseline
          ? l10n.t('{runs} of {allRuns} runs, {columns} of {allColumns} columns; differences to {baseline}', {
              ...counts,
              baseline: baseline.name,
            })
          : l10n.t('{runs} of {allRuns} runs, {columns} of {allColumns} columns', counts)}
      </p>
    </>
  );
}

const root = document.getElementById('root');
if (root) render(<App />, root);
