import * as l10n from '@vscode/l10n';
import { buf as crc32c } from 'crc-32/crc32c';
import { decodeEvent, type EventMessage, type ValueMessage } from './event-proto';
import type { FileRow, RowDecoder } from './row-decoder';
import { scalarOf } from './tensor-scalar';
import { quoted, type Troubles } from './troubles';

/** Length (8 bytes), its checksum, content, its checksum: the TFRecord format. */
const HEADER = 12;
const FOOTER = 4;
/** A status of SessionLog: the program was started again, and goes on from the step of the event. */
const START = 1;
/** `DATA_CLASS_SCALAR` of summary.proto. */
const SCALAR = 1;

/** As TensorFlow stores a CRC-32C, so that one of data that holds checksums is not a bad one. */
function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes) >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/**
 * The scalars of TensorBoard's event files: simple values (PyTorch) and tensors of one number (TensorFlow 2), at the steps
 * that are written. Texts, images, histograms and other things of plugins are passed over. A damaged record ends the
 * reading of its file: what follows cannot be found any more.
 */
export class TensorBoardEvents implements RowDecoder {
  #held: Buffer = Buffer.alloc(0);
  #records = 0;
  #damaged = false;
  #highest = -1;
  /** Tags that their first event gave to something else than scalars; later events may not say it again. */
  readonly #others = new Set<string>();

  constructor(readonly troubles: Troubles) {}

  push(bytes: Buffer): FileRow[] {
    if (this.#damaged) return [];
    let rest = Buffer.concat([this.#held, bytes]);
    const rows: FileRow[] = [];
    while (rest.length >= HEADER) {
      const size = Number(rest.readBigUInt64LE(0));
      if (maskedCrc(rest.subarray(0, 8)) !== rest.readUInt32LE(8)) return this.#damage(rows, this.#records > 0);
      if (rest.length < HEADER + size + FOOTER) break;
      const content = rest.subarray(HEADER, HEADER + size);
      if (maskedCrc(content) !== rest.readUInt32LE(HEADER + size)) return this.#damage(rows, true);
      this.#records++;
      rows.push(...this.#rowsOf(content));
      rest = rest.subarray(HEADER + size + FOOTER);
    }
    this.#held = Buffer.from(rest);
    return rows;
  }

  end(): FileRow[] {
    const bytes = this.#held.length;
    if (bytes > 0 && bytes < HEADER && this.#records === 0) return this.#damage([], false);
    if (bytes > 0)
      this.troubles.ofRow('torn', () =>
        bytes === 1
          ? l10n.t('it ends in the middle of a record; its last 1 byte was skipped.')
          : l10n.t`it ends in the middle of a record; its last ${bytes} bytes were skipped.`,
      );
    return [];
  }

  #damage(rows: FileRow[], isEventFile: boolean): FileRow[] {
    this.#damaged = true;
    this.#held = Buffer.alloc(0);
    this.troubles.ofFile(
      'damaged',
      isEventFile
        ? l10n.t`its record ${this.#records + 1} is damaged (wrong checksum), so the file was read only up to it.`
        : l10n.t('it is not a TensorBoard event file. Correct "files" in "metrics".'),
    );
    return rows;
  }

  #rowsOf(content: Uint8Array): FileRow[] {
    const at = this.#records;
    const place = () => l10n.t`record ${at}`;
    let event: EventMessage;
    try {
      event = decodeEvent(content);
    } catch {
      this.troubles.ofRow('no event', (count) =>
        count === 1
          ? l10n.t`1 record was skipped: not an event (${place()}).`
          : l10n.t`${count} records were skipped: not an event (${place()}).`,
      );
      return [];
    }
    const { step } = event;
    if (event.sessionLog?.status === START && step <= this.#highest)
      this.troubles.ofRow(
        'restart',
        () => l10n.t`the program restarted from step ${step} in it, so the steps from there on are recorded twice.`,
      );
    const rows: Map<string, number>[] = [];
    for (const value of event.summary?.value ?? []) {
      const number = this.#numberOf(value);
      if (number === undefined) continue;
      // One event may have several values of a tag.
      let row = rows.find((one) => !one.has(value.tag));
      if (!row) rows.push((row = new Map<string, number>()));
      row.set(value.tag, number);
    }
    if (rows.length > 0) this.#highest = Math.max(this.#highest, step);
    return rows.map((row) => ({ row: Object.fromEntries(row), place, step }));
  }

  #numberOf({ tag, simpleValue, tensor, metadata }: ValueMessage): number | undefined {
    if (simpleValue !== undefined) return simpleValue;
    const plugin = metadata?.pluginData?.pluginName ?? '';
    const isScalar = plugin === 'scalars' || metadata?.dataClass === SCALAR;
    if (plugin !== '' && !isScalar) this.#others.add(tag);
    if (!tensor || this.#others.has(tag)) return undefined;
    // Without the word that it is a scalar, [0.5] may be a curve of one point.
    if (!isScalar && (tensor.tensorShape?.dim.length ?? 0) > 0) return undefined;
    const number = scalarOf(tensor);
    if (number === undefined && isScalar)
      this.troubles.ofRow(`scalar ${tag}`, (count) =>
        count === 1
          ? l10n.t`1 value of ${quoted(tag)} skipped: a scalar must be a single real number.`
          : l10n.t`${count} values of ${quoted(tag)} skipped: a scalar must be a single real number.`,
      );
    return number;
  }
}
