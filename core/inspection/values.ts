import * as l10n from '@vscode/l10n';
import { UserError } from '../errors';
import { MAX_WINDOW_VALUES, type TensorWindow, type ValueGrid } from '../protocol/inspection';
import { decodeToFloat64 } from '../checkpoint/decode-wide';
import { DTYPE_BYTES } from '../checkpoint/dtype';
import { noTensor, type TensorReader } from '../checkpoint/safetensors';
import { quoted, valueDtype } from '../checkpoint/safetensors-header';
import { isRounded, isWide, wideIntegers } from '../checkpoint/wide-integers';

/** Rows that lie closer than this are read together with what is between them: a call costs more than the bytes. */
const MAX_SPAN_BYTES = 4 * 2 ** 20;

/**
 * The values in a rectangle of a tensor; reads little more than these.
 *
 * @throws UserError `safetensors.no-tensor`, `safetensors.unread-dtype`, `window.bad-slice`, `window.bad-window`, `file.*`
 */
export async function readValues(
  reader: TensorReader,
  name: string,
  window: TensorWindow,
  signal?: AbortSignal,
): Promise<ValueGrid> {
  const info = reader.tensors.get(name);
  if (info === undefined) throw noTensor(reader.name, name);
  const dtype = valueDtype(info, reader.name);
  const { shape } = info;
  const leading = shape.slice(0, -2);
  const slice = window.slice ?? leading.map(() => 0);
  checkSlice(name, shape, leading, slice);
  const totalRows = shape.length < 2 ? 1 : shape.at(-2)!;
  const totalColumns = shape.length === 0 ? 1 : shape.at(-1)!;
  checkWindow(window);
  const rows = Math.max(0, Math.min(window.rows, totalRows - window.row));
  const columns = Math.max(0, Math.min(window.columns, totalColumns - window.column));
  const values = new Float64Array(rows * columns);
  const digits: string[] = [];
  const before = slice.reduce((index, at, dim) => index * leading[dim]! + at, 0);
  const first = (before * totalRows + window.row) * totalColumns + window.column;
  const size = DTYPE_BYTES[dtype];
  const together = Math.max(1, Math.floor(MAX_SPAN_BYTES / (totalColumns * size)));
  for (let row = 0; row < rows && columns > 0; row += together) {
    signal?.throwIfAborted();
    const count = Math.min(together, rows - row);
    const length = ((count - 1) * totalColumns + columns) * size;
    const bytes = await reader.readBytes(name, { offset: (first + row * totalColumns) * size, length });
    const span = decodeToFloat64(dtype, bytes);
    const integers = isWide(dtype) ? wideIntegers(dtype, bytes) : undefined;
    for (let i = 0; i < count; i++) {
      const [from, to] = [i * totalColumns, i * totalColumns + columns];
      values.set(span.subarray(from, to), (row + i) * columns);
      if (integers) digits.push(...Array.from(integers.subarray(from, to), String));
    }
  }
  const exact = digits.length > 0 && values.some(isRounded) ? digits : null;
  const { row, column } = window;
  return { name, dtype, shape, slice, totalRows, totalColumns, row, column, rows, columns, values, exact };
}

function checkSlice(
  name: string,
  shape: readonly number[],
  leading: readonly number[],
  slice: readonly number[],
): void {
  const inside = slice.every((at, dim) => Number.isSafeInteger(at) && at >= 0 && at < leading[dim]!);
  // An empty tensor has no slice to name, and nothing to show.
  if (slice.length === leading.length && (inside || shape.includes(0))) return;
  const hint =
    leading.length === 0
      ? l10n.t('Leave out the slice.')
      : l10n.t`Give ${leading.length} indices, below [${leading.join(', ')}].`;
  throw new UserError(
    'window.bad-slice',
    l10n.t`Tensor ${quoted(name)} of shape [${shape.join(', ')}] has no slice [${slice.join(', ')}].`,
    hint,
  );
}

function checkWindow({ row, column, rows, columns }: TensorWindow): void {
  const valid = [row, column, rows, columns].every((size) => Number.isSafeInteger(size) && size >= 0);
  if (valid && rows * columns <= MAX_WINDOW_VALUES) return;
  throw new UserError(
    'window.bad-window',
    l10n.t`A window of ${rows} x ${columns} values at row ${row}, column ${column} cannot be read.`,
    l10n.t`Use whole numbers >= 0 and at most ${MAX_WINDOW_VALUES} values.`,
  );
}
