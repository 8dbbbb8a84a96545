import path from 'node:path';
import type { MetricSource } from '../config';
import { CsvRows, JsonLines, type RowDecoder } from './decoders';
import { Prefixes } from './found';
import { Readings, type Reading } from './readings';
import { FileTail } from './tail';
import { TensorBoardEvents } from './tensorboard';

export type FileSource = Exclude<MetricSource, { from: 'output' }>;

function decoderOf(source: FileSource): RowDecoder {
  switch (source.from) {
    case 'jsonl':
      return new JsonLines();
    case 'csv':
      return new CsvRows(source.delimiter);
    case 'tensorboard':
      return new TensorBoardEvents();
  }
}

/** One file that metrics are read from, as it grows. */
class MetricFile {
  readonly #tail: FileTail;
  readonly #readings: Readings;
  #decoder: RowDecoder;

  constructor(
    file: string,
    readonly source: FileSource,
    prefix: string,
  ) {
    this.#tail = new FileTail(file);
    this.#readings = new Readings({ prefix, ...('stepKey' in source && { stepKey: source.stepKey }) });
    this.#decoder = decoderOf(source);
  }

  /** What came since the last time. @param last whether nothing more will come */
  async read(last = false): Promise<Reading[]> {
    const pieces: (Buffer | 'again')[] = [];
    const there = await this.#tail.read(
      (bytes) => pieces.push(bytes),
      () => pieces.push('again'),
    );
    const readings: Reading[] = [];
    for (const piece of pieces) {
      if (piece === 'again') {
        this.#readings.again();
        this.#decoder = decoderOf(this.source);
      } else readings.push(...this.#take(this.#decoder.push(piece)));
    }
    if (last && there) readings.push(...this.#take(this.#decoder.end()));
    return readings;
  }

  /** Passes over what is in the file: another run wrote it. */
  async skip(): Promise<void> {
    await this.read();
    this.#readings.forget();
  }

  #take(rows: Parameters<Readings['take']>[0][]): Reading[] {
    return rows.map((row) => this.#readings.take(row)).filter((reading) => reading !== undefined);
  }
}

/** The files of one source, those that appear later too. */
export class MetricFiles {
  readonly #files = new Map<string, MetricFile>();
  readonly #prefixes = new Prefixes();

  /** @param list lists the files that match now */
  constructor(
    readonly source: FileSource,
    readonly list: () => Promise<readonly string[]>,
  ) {}

  /** Passes over what is there before the program starts, but for files of which `isOurs` says that this run wrote them. */
  async begin(isOurs: (file: string) => boolean): Promise<void> {
    for (const file of await this.list()) if (!isOurs(file)) await this.#fileOf(file).skip();
  }

  /** Looks for further files. */
  async look(): Promise<void> {
    for (const file of await this.list()) this.#fileOf(file);
  }

  async read(last: boolean): Promise<Reading[]> {
    const readings: Reading[] = [];
    for (const file of this.#files.values()) readings.push(...(await file.read(last)));
    return readings;
  }

  /** Sentences on what in the files was not understood. */
  trouble(): readonly string[] {
    return [];
  }

  #fileOf(file: string): MetricFile {
    const known = this.#files.get(file);
    if (known) return known;
    const label =
      this.source.from === 'tensorboard' ? path.basename(path.dirname(file)) : path.basename(file, path.extname(file));
    const made = new MetricFile(file, this.source, this.#prefixes.of(label));
    this.#files.set(file, made);
    return made;
  }
}
