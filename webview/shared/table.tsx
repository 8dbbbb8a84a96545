import type { ComponentChildren } from 'preact';

export interface Column<Row> {
  readonly key: string;
  readonly title: string;
  /** Numbers are aligned right, so that their digits line up. */
  readonly numeric?: boolean;
  readonly description?: string;
  readonly cell: (row: Row) => ComponentChildren;
}

interface TableProps<Row> {
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly rowKey: (row: Row) => string;
  /** Only for screen readers, if the page shows the caption elsewhere. */
  readonly hideCaption?: boolean;
  readonly isSelected?: (row: Row) => boolean;
  readonly onActivate?: (row: Row) => void;
}

/** A plain table: the alternative to a chart for keyboards and screen readers. For up to some hundred rows. */
export function Table<Row>({
  caption,
  columns,
  rows,
  rowKey,
  hideCaption = false,
  isSelected,
  onActivate,
}: TableProps<Row>) {
  return (
    <div class="table-frame" tabIndex={0} role="region" aria-label={caption}>
      <table class="table">
        <caption class={hideCaption ? 'visually-hidden' : ''}>{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.key} scope="col" class={column.numeric ? 'numeric' : ''} title={column.description}>
                {column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr
              key={rowKey(row)}
              aria-selected={isSelected?.(row)}
              class={onActivate ? 'clickable' : ''}
              tabIndex={onActivate ? 0 : undefined}
              onClick={() => onActivate?.(row)}
              onKeyDown={(event) => {
                if (event.key === 'Enter' && event.target === event.currentTarget) onActivate?.(row);
              }}
            >
              {columns.map((column) => (
                <td key={column.key} class={column.numeric ? 'numeric' : ''}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
