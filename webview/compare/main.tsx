import { render } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { columnsOf, differs, sortRuns, type ComparedRun, type CompareContract } from '../../core/protocol/compare';
import { groupRuns, SAME_BUT_SEED } from '../../core/protocol/compare-groups';
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

/** The user's choices. */
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
        words.every((word) => column.key.toLowerCase().includes(word)) &&
        (!chosen.onlyDifferent || (all?.length ?? 0) < 2 || differs(column, all ?? [])),
    );
  }, [all, columns, chosen.columns, chosen.hidden, chosen.onlyDifferent]);
  const runs = useMemo(() => {
    const words = wordsOf(chosen.runs);
    const found = (all ?? []).filter((run) => {
      const text = `${run.name} ${run.id} ${run.method} ${run.state} ${run.tags.join(' ')} ${run.notes}`.toLowerCase();
      return words.every((word) => text.includes(word));
    });
    const by = columns.find(({ key }) => key === chosen.sorting?.key);
    return by && chosen.sorting ? sortRuns(found, by, chosen.sorting.direction) : found;
  }, [all, columns, chosen.runs, chosen.sorting]);

  const groups = useMemo(
    () => (chosen.groupBy === '' ? [] : groupRuns(runs, columns, chosen.groupBy)),
    [runs, columns, chosen.groupBy],
  );
  // Keep the runs of a group together.
  const ordered = useMemo(() => (groups.length > 0 ? groups.flatMap((group) => group.runs) : runs), [groups, runs]);
  // When runs have changed, their sparklines are requested again.
  const askSparklines = useMemo((): AskSparklines => {
    const asked = new Map<string, ReturnType<AskSparklines>>();
    return (runDir) => {
      const known = asked.get(runDir) ?? host.request('sparklines', { runDir });
      asked.set(runDir, known);
      return known;
    };
  }, [all]);

  if (error !== undefined) return <Problem error={error} />;
  if (!all) return <Spinner label="Reading the runs…" />;
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
        return typeof value === 'number' ? value : column.show(of);
      }),
    ]),
  });
  const sort = (key: string) => {
    const { sorting } = chosen;
    if (sorting?.key !== key) choose({ sorting: { key, direction: 'up' } });
    else choose({ sorting: sorting.direction === 'up' ? { key, direction: 'down' } : undefined });
  };

  return (
    <>
      <div class="toolbar">
        <TextField
          label="Runs"
          hideLabel
          placeholder="Filter runs"
          value={chosen.runs}
          onInput={(text) => {
            choose({ runs: text });
          }}
        />
        <TextField
          label="Columns"
          hideLabel
          placeholder="Filter columns"
          value={chosen.columns}
          onInput={(text) => {
            choose({ columns: text });
          }}
        />
        <Checkbox
          label="Only what differs"
          checked={chosen.onlyDifferent}
          onChange={(onlyDifferent) => {
            choose({ onlyDifferent });
          }}
        />
        {chosen.hidden.length > 0 && (
          <Button
            label={`Show ${chosen.hidden.length} hidden`}
            onClick={() => {
              choose({ hidden: [] });
            }}
          />
        )}
        <Dropdown
          label="Group by"
          value={chosen.groupBy}
          choices={[
            { value: '', label: 'Nothing' },
            { value: SAME_BUT_SEED, label: 'Everything but the seed' },
            ...columns
              .filter(({ group, name }) => group !== 'Metrics' && !['created', 'duration', 'note'].includes(name))
              .map(({ key, group, name }) => ({ value: key, label: `${group}: ${name}` })),
          ]}
          onChange={(groupBy) => {
            choose({ groupBy });
          }}
        />
        <Checkbox
          label="Chart"
          title="A result against a setting"
          checked={chosen.plotted}
          onChange={(plotted) => {
            choose({ plotted });
          }}
        />
        <div class="group spread">
          <ExportButtons name="runs" table={table} onSave={save} />
          <Button
            label="Runs…"
            title="Choose the runs to compare"
            onClick={() => {
              host.request('chooseRuns', undefined).then((next) => {
                if (next) setAll(next);
              }, setError);
            }}
          />
        </div>
      </div>
      {selected && (
        <div class="toolbar" role="group" aria-label={`Actions on ${selected.name}`}>
          <strong>{selected.name}</strong>
          <Button
            label="Show in tree"
            onClick={() => {
              run('showRun', selected);
            }}
          />
          <Button
            label="Curves"
            onClick={() => {
              run('openCurves', selected);
            }}
          />
          <Button
            label={baseline?.dir === selected.dir ? 'Unpin baseline' : 'Pin as baseline'}
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
        <Empty>There are no runs yet.</Empty>
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
        {runs.length} of {all.length} runs, {shownColumns.length} of {columns.length} columns
        {baseline ? `; differences to ${baseline.name}` : ''}
      </p>
    </>
  );
}

const root = document.getElementById('root');
if (root) render(<App />, root);
