import * as l10n from '@vscode/l10n';
import type { HowEnded } from '../ended';
import type { FileSource } from '../config';
import { decoderOf } from './formats';
import type { FileRow, RowDecoder } from './row-decoder';
import type { Measured } from './measured';
import { Readings, type Reading } from './readings';
import { FileTail } from './tail';
import { Troubles } from './troubles';

/** Reads metrics from one file as it grows. */
export class MetricFile {
  readonly #tail: FileTail;
  readonly #readings: Readings;
  readonly #troubles = new Troubles();
  #decoder: RowDecoder;
  /** Whether to skip values that were already recorded, by earlier attempts or by this one. */
  #repeats: 'earlier' | 'now' | undefined;
  /** Whether this run has written to it, how many rows, and how many of these contained metrics. */
  #written = false;
  #rows = 0;
  #given = 0;
  /** Readings that an earlier attempt left unrecorded. */
  #waiting: Reading[] = [];
  /** Whether the rows belong to another run and are skipped. */
  #passing = false;
  #named = false;

  /** @param prefixOf returns the prefix of its metrics' names; called when the program first writes to it */
  constructor(
    readonly file: string,
    readonly source: FileSource,
    readonly prefixOf: () => string,
    readonly measured: Measured,
  ) {
    this.#tail = new FileTail(file);
    this.#readings = new Readings({
      troubles: this.#troubles,
      typed: source.from === 'csv',
      ...('stepKey' in source && { stepKey: source.stepKey }),
    });
    this.#decoder = decoderOf(source, this.#troubles);
  }

  /** What was added since the previous call. @param ended how the program ended, when nothing more will come */
  async read(ended?: HowEnded): Promise<Reading[]> {
    const readings = this.#waiting;
    this.#waiting = [];
    const take = (rows: readonly FileRow[]) => {
      for (const row of rows) this.#take(row, readings);
    };
    const there = await this.#tail.read(
      (bytes) => {
        this.#written = true;
        take(this.#decoder.push(bytes));
      },
      () => {
        this.#again();
      },
    );
    if (ended && there) take(this.#decoder.end(ended === 'killed'));
    return readings;
  }

  /** Skips the present contents: another run wrote them. */
  async skip(): Promise<void> {
    this.#passing = true;
    await this.read('killed');
    this.#passing = false;
    this.#tail.disown();
    this.#troubles.forgetRows();
    this.#written = false;
  }

  /**
   * Reads what an earlier attempt wrote and, because it was killed, may not have recorded.
   * @param prefix the prefix of its names then; undefined if nothing had been read from it
   */
  async recover(prefix: string | undefined): Promise<void> {
    this.#repeats = 'earlier';
    this.#readings.prefix = prefix ?? '';
    this.#named = prefix !== undefined;
    // Its program was killed, so a last line without a newline is incomplete.
    this.#waiting = await this.read('killed');
    this.#repeats = undefined;
    this.#named = false;
  }

  /** Whether this run's program wrote to it. */
  get isOfRun(): boolean {
    return this.#written;
  }

  /** Problems, as sentences that name the file. */
  trouble(): string[] {
    if (!this.#written) return [];
    const sentences = this.#troubles.sentences();
    const { names, stepKey } = this.#readings.met;
    const key = 'stepKey' in this.source ? this.source.stepKey : undefined;
    const shown = [...names].slice(0, 20).join(', ');
    if (key !== undefined && !stepKey && this.#rows > 0)
      sentences.push(
        l10n.t`it has no "${key}", which is set as "stepKey": its rows were numbered instead. It has ${shown}.`,
      );
    if (this.#given === 0 && sentences.length === 0)
      sentences.push(
        this.#rows === 0 ? l10n.t('it has no rows.') : l10n.t`no metrics were found in its rows. Their keys: ${shown}.`,
      );
    return sentences.map((sentence) => `${this.file}: ${sentence}`);
  }

  #again(): void {
    this.#troubles.clear();
    this.#readings.again();
    this.#rows = 0;
    // `recover` compares with earlier attempts; otherwise values read in this attempt must not be recorded twice.
    this.#repeats ??= 'now';
    this.#decoder = decoderOf(this.source, this.#troubles);
  }

  #take({ row, place, step }: FileRow, readings: Reading[]): void {
    if (this.#passing) return;
    if (!this.#named) this.#readings.prefix = this.prefixOf();
    this.#named = true;
    this.#rows++;
    const reading = step === undefined ? this.#readings.take(row, place) : this.#readings.at(step, row, place);
    if (!reading) return;
    this.#given++;
    const fresh = this.#fresh(reading);
    if (fresh) readings.push(fresh);
  }

  /** The part of a reading that was not recorded already, if the file may repeat values. */
  #fresh(reading: Reading): Reading | undefined {
    const when = this.#repeats;
    if (when === undefined) return reading;
    const values = Object.entries(reading.values).filter(
      ([name, value]) => !this.measured.has(name, reading.step, value, when),
    );
    return values.length === 0 ? undefined : { ...reading, values: Object.fromEntries(values) };
  }
}
