import * as l10n from '@vscode/l10n';
/** Edits (insert, delete, replace, swap of neighbors) that turn `a` into `b`: the optimal string alignment distance. */
function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const above = rows[i - 1]!;
      let edits = Math.min(above[j]! + 1, row[j - 1]! + 1, above[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        edits = Math.min(edits, rows[i - 2]![j - 2]! + 1);
      row.push(edits);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}

/** `Did you mean "x"?` for the nearest known name, or an empty text when none is near (a third of its letters). */
export function didYouMean(name: string, known: readonly string[]): string {
  let best = '';
  let edits = Infinity;
  for (const candidate of known) {
    const count = distance(name.toLowerCase(), candidate.toLowerCase());
    if (count < edits && count <= Math.max(1, Math.floor(candidate.length / 3))) [best, edits] = [candidate, count];
  }
  return best && l10n.t`Did you mean "${best}"?`;
}
