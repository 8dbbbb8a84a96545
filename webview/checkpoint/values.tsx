import * as l10n from '@vscode/l10n';
import { useState } from 'preact/hooks';
import { formatInteger, formatNumber } from '../../core/protocol/format';
import type { TensorWindow, ValueGrid } from '../../core/protocol/inspection';
import { Button, Spinner } from '../shared/controls';
import { Problem } from '../shared/messages';
import { useLoaded } from '../shared/use-host';

/** Rows and columns on one page. */
const ROWS = 24;
const COLUMNS = 10;

interface ValuesProps {
  readonly shape: readonly number[];
  readonly ask: (window: TensorWindow, signal: AbortSignal) => Promise<ValueGrid>;
}

/** Which part of the tensor a page is. */
const windowOf = ({ row, rows, totalRows, column, columns, totalColumns }: ValueGrid) =>
  l10n.t('rows {firstRow}–{lastRow} of {totalRows}, columns {firstColumn}–{lastColumn} of {totalColumns}', {
    firstRow: row,
    lastRow: row + rows - 1,
    totalRows,
    firstColumn: column,
    lastColumn: column + columns - 1,
    totalColumns,
  });

/** The values themselves, a page at a time. */
export function ValuesView({ shape, ask }: ValuesProps) {
  const [at, setAt] = useState({ row: 0, column: 0, slice: shape.slice(0, -2).map(() => 0) });
  const loaded = useLoaded((signal) => ask({ ...at, rows: ROWS, columns: COLUMNS }, signal), [JSON.stringify(at)]);
  if (loaded.state === 'loading') return <Spinner label={l10n.t('Reading…')} />;
  if (loaded.state === 'failed') return <Problem error={loaded.error} />;
  const grid = loaded.value;
  const move = (rows: number, columns: number) => {
    const row = Math.max(0, Math.min(grid.totalRows - 1, at.row + rows));
    const column = Math.max(0, Math.min(grid.totalColumns - 1, at.column + columns));
    setAt({ ...at, row, column });
  };
  const columns = Array.from({ length: grid.columns }, (_, index) => grid.column + index);
  const rows = Array.from({ length: grid.rows }, (_, index) => grid.row + index);
  return (
    <>
      <div class="toolbar">
        <Button
          label="◂"
          title={l10n.t('Columns before')}
          disabled={grid.column === 0}
          onClick={() => {
            move(0, -COLUMNS);
          }}
        />
        <Button
          label="▸"
          title={l10n.t('Columns after')}
          disabled={grid.column + grid.columns >= grid.totalColumns}
          onClick={() => {
            move(0, COLUMNS);
          }}
        />
        <Button
          label="▴"
          title={l10n.t('Rows before')}
          disabled={grid.row === 0}
          onClick={() => {
            move(-ROWS, 0);
          }}
        />
        <Button
          label="▾"
          title={l10n.t('Rows after')}
          disabled={grid.row + grid.rows >= grid.totalRows}
          onClick={() => {
            move(ROWS, 0);
          }}
        />
        <span class="muted">{windowOf(grid)}</span>
        {at.slice.map((index, dimension) => (
          <label key={dimension} class="field">
            <span class="field-label">{l10n.t`Dimension ${dimension}`}</span>
            <input
              type="number"
              min={0}
              max={(shape[dimension] ?? 1) - 1}
              value={index}
              onInput={({ currentTarget }) => {
                const wanted = Math.max(0, Math.min((shape[dimension] ?? 1) - 1, Number(currentTarget.value)));
                setAt({ ...at, slice: at.slice.map((old, other) => (other === dimension ? wanted : old)) });
              }}
            />
          </label>
        ))}
      </div>
      <div class="table-frame" tabIndex={0} role="region" aria-label={l10n.t('Values')}>
        <table class="table values">
          <thead>
            <tr>
              <th scope="col" />
              {columns.map((column) => (
                <th key={column} scope="col" class="numeric">
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, index) => (
              <tr key={row}>
                <th scope="row" class="numeric">
                  {row}
                </th>
                {columns.map((column, position) => {
                  const place = index * grid.columns + position;
                  const value = grid.values[place] ?? NaN;
                  const digits = grid.exact?.[place];
                  return (
                    <td key={column} class={Number.isFinite(value) ? 'numeric' : 'numeric bad'}>
                      {digits === undefined ? formatNumber(value) : formatInteger(digits)}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
