import * as l10n from '@vscode/l10n';
import { toCsv, toLatex, toMarkdown, type Cell } from '../../core/protocol/table-export';
import { Button } from './controls';

const FORMATS = [
  { format: 'CSV', ending: 'csv', write: toCsv },
  { format: 'LaTeX', ending: 'tex', write: toLatex },
  { format: 'Markdown', ending: 'md', write: toMarkdown },
] as const;

interface ExportButtonsProps {
  /** Of the file, without its ending. */
  readonly name: string;
  /** What is saved, with its numbers as they are and not as they are shown. */
  readonly table: () => { readonly header: readonly string[]; readonly rows: readonly (readonly Cell[])[] };
  readonly onSave: (name: string, content: string) => void;
}

/** Save a table as CSV, LaTeX or Markdown. */
export const ExportButtons = ({ name, table, onSave }: ExportButtonsProps) => (
  <>
    {FORMATS.map(({ format, ending, write }) => (
      <Button
        key={ending}
        label={format}
        title={l10n.t`Save the table as ${format}`}
        onClick={() => {
          const { header, rows } = table();
          onSave(`${name}.${ending}`, write(header, rows));
        }}
      />
    ))}
  </>
);
