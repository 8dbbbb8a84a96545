import * as l10n from '@vscode/l10n';
import type { HowEnded } from '../ended';
import type { FileSource } from '../config';
import { decoderOf } from './formats';
import type { FileRow, RowDecoder } from './row-decoder';
import type { Measured } from './measured';
import { Readings, type Reading } from './readings';
import { FileTail } from './tail';
import { Troubles } from './troubles';

/** One file that metrics are read from, as it grows. */
export class MetricFile {
  readonly #tail: FileTail;
  readonly #readings: Readings;
  readonly #troubles = new Troubles();
  #decoder: RowDecoder;
  /** Of which time values are left out that were recorded already. */
  #repeats: 'earlier' | 'now' | undefined;
  /** Whether it has bytes of this run, how many rows, and how many of these gave something. */
  #written = false;
  #rows = 0;
  #given = 0;
  /** Found before the program wrote into it. */
  #waiting: Reading[] = [];
  /** Whether what is read is another run's. */
  #passing = false;
  #named = false;

  /** @param prefixOf what stands before its names, asked when the program writes into it for the first time */
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

  /** What came since the last time. @param ended how the program ended, when nothing more will come */
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

  /** Passes over what is in the file: another run wrote it. */
  async skip(): Promise<void> {
    this.#passing = true;
    await this.read('killed');
    this.#passing = false;
    this.#tail.disown();
    this.#troubles.forgetRows();
    this.#written = false;
  }

  /**
   * Takes what an earlier attempt of this run wrote and, because it was cut, perhaps had no time to record.
   * @param prefix what stood before its names then; undefined when nothing was read of it
   */
  async recover(prefix: string | undefined): Promise<void> {
    this.#repeats = 'earlier';
    this.#readings.prefix = prefix ?? '';
    this.#named = prefix !== undefined;
    // Its program was cut: what it had no time to end is no line.
    this.#waiting = await this.read('killed');
    this.#repeats = undefined;
    this.#named = false;
  }

  /** Whether the program wrote into it. */
  get isOfRun(): boolean {
    return this.#written;
  }

  /** What was not understood, in sentences that name the file. */
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
    // `recover` compares with the earlier attempts; whatever was read in this one is not to come twice.
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

  /** What of a reading was not recorded already, where the file says it once more. */
  #fresh(reading: Reading): Reading | undefined {
    const when = this.#repeats;
    if (when === undefined) return reading;
    const values = Object.entries(reading.values).filter(
      ([name, value]) => !this.measured.has(name, reading.step, value, when),
    );
    return values.length === 0 ? undefined : { ...reading, values: Object.fromEntries(values) };
  }
}
