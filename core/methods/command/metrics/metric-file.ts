import type { HowEnded } from '../ended';
import type { FileSource } from './sources';
import { decoderOf, type FileRow, type RowDecoder } from './formats';
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

  constructor(
    readonly file: string,
    readonly source: FileSource,
    prefix: string,
    readonly measured: Measured,
  ) {
    this.#tail = new FileTail(file);
    this.#readings = new Readings({
      prefix,
      anew: 'batches',
      troubles: this.#troubles,
      ...('stepKey' in source && { stepKey: source.stepKey }),
    });
    this.#decoder = decoderOf(source, this.#troubles);
  }

  /** What came since the last time. @param ended how the program ended, when nothing more will come */
  async read(ended?: HowEnded): Promise<Reading[]> {
    const pieces: (Buffer | 'again')[] = [];
    const there = await this.#tail.read(
      (bytes) => pieces.push(bytes),
      () => pieces.push('again'),
    );
    const readings = this.#waiting;
    this.#waiting = [];
    for (const piece of pieces) {
      if (piece === 'again') this.#again();
      else {
        this.#written = true;
        readings.push(...this.#take(this.#decoder.push(piece)));
      }
    }
    if (ended && there) readings.push(...this.#take(this.#decoder.end(ended === 'killed')));
    return readings;
  }

  /** Passes over what is in the file: another run wrote it. */
  async skip(): Promise<void> {
    await this.read();
    this.#tail.disown();
    this.#decoder.end(true);
    this.#readings.again();
    this.#troubles.forgetRows();
    this.#rows = this.#given = 0;
    this.#written = false;
  }

  /** Takes what an earlier attempt of this run wrote and, because it was cut, perhaps had no time to record. */
  async recover(): Promise<void> {
    this.#repeats = 'earlier';
    const readings = await this.read();
    readings.push(...this.#take(this.#decoder.end(true)));
    this.#waiting = readings;
    this.#repeats = undefined;
  }

  /** Whether the program wrote into it. */
  get isOfRun(): boolean {
    return this.#written;
  }

  /** What was not understood, in sentences that name the file. */
  trouble(): string[] {
    const sentences = this.#troubles.sentences();
    const { names, stepKey } = this.#readings.met;
    const key = 'stepKey' in this.source ? this.source.stepKey : undefined;
    const shown = [...names].slice(0, 20).join(', ');
    if (key !== undefined && !stepKey && this.#rows > 0)
      sentences.push(`it has no "${key}", which "stepKey" names: its rows were counted instead. It has ${shown}.`);
    if (this.#given === 0 && sentences.length === 0 && this.#written)
      sentences.push(this.#rows === 0 ? 'it has no rows.' : `no metrics were found in its rows. They have ${shown}.`);
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

  #take(rows: readonly FileRow[]): Reading[] {
    this.#rows += rows.length;
    const readings = rows.flatMap(({ row, place, step }) => {
      const reading = step === undefined ? this.#readings.take(row, place) : this.#readings.at(step, row, place);
      if (!reading) return [];
      this.#given++;
      return this.#fresh(reading);
    });
    return readings;
  }

  #fresh(reading: Reading): Reading[] {
    const when = this.#repeats;
    if (when === undefined) return [reading];
    const values = Object.entries(reading.values).filter(
      ([name, value]) => !this.measured.has(name, reading.step, value, when),
    );
    return values.length === 0 ? [] : [{ ...reading, values: Object.fromEntries(values) }];
  }
}
