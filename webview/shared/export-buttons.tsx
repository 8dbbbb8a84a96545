import { toCsv, toLatex, toMarkdown, type Cell } from '../../core/protocol/table-export';
import { Button } from './controls';

const FORMATS = [
  { label: 'CSV', ending: 'csv', write: toCsv },
  { label: 'LaTeX', ending: 'tex', write: toLatex },
  { label: 'Markdown', ending: 'md', write: toMarkdown },
] as const;

interface ExportButtonsProps {
  /** File name without extension. */
  readonly name: string;
  /** The table to save, with numbers in full precision. */
  readonly table: () => { readonly header: readonly string[]; readonly rows: readonly (readonly Cell[])[] };
  readonly onSave: (name: string, content: string) => void;
}

/** Buttons that save a table as CSV, LaTeX or Markdown. */
export const ExportButtons = ({ name, table, onSave }: ExportButtonsProps) => (
  <>
    {FORMATS.map(({ label, ending, write }) => (
      <Button
        key={ending}
        label={label}
        title={`Save the table as ${label}`}
        onClick={() => {
          const { header, rows } = table();
          onSave(`${name}.${ending}`, write(header, rows));
        }}
      />
    ))}
  </>
);
