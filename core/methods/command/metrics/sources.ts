import path from 'node:path';
import * as l10n from '@vscode/l10n';
import type { FileSource } from '../config';
import type { HowEnded } from '../ended';
import { isInside } from './found';
import type { Measured } from './measured';
import { MetricFile } from './metric-file';
import type { Reading } from './readings';
import { SeriesNames } from './series-names';

/** The files of one source, those that appear later too. */
export class MetricFiles {
  readonly #files = new Map<string, MetricFile>();
  readonly #names: SeriesNames;

  /**
   * @param list lists the files that match now
   * @param measured what the run has recorded; what a file says once more is left out
   */
  constructor(
    readonly source: FileSource,
    readonly list: () => Promise<readonly string[]>,
    readonly measured: Measured,
    readonly runDir: string,
  ) {
    this.#names = new SeriesNames(runDir, `${source.from} ${source.files}`);
  }

  /**
   * Passes over what is there before the program starts, but for files in the run directory: an earlier attempt wrote
   * them, and its worker may have been killed before it read them.
   */
  async begin(): Promise<void> {
    await this.#names.load();
    for (const name of await this.list()) {
      const file = this.#fileOf(name);
      await (isInside(name, this.runDir) ? file.recover(this.#names.before(name)) : file.skip());
    }
  }

  /** Looks for further files. */
  async look(): Promise<void> {
    for (const file of await this.list()) this.#fileOf(file);
  }

  /** What came since the last time. @param ended how the program ended, when nothing more will come */
  async read(ended?: HowEnded): Promise<Reading[]> {
    const readings: Reading[] = [];
    for (const file of this.#files.values()) for (const reading of await file.read(ended)) readings.push(reading);
    await this.#names.save();
    return readings;
  }

  /**
   * What was not understood: sentences that name the file and say what was left out, or why there is nothing. Empty when
   * all is well.
   */
  trouble(): readonly string[] {
    const { files: pattern } = this.source;
    const files = [...this.#files.values()];
    if (files.length === 0)
      return [
        l10n.t`No file matches ${pattern}, so no metrics were read from it. Correct "files" in "metrics"; it is relative to "cwd".`,
      ];
    const sentences = files.flatMap((file) => file.trouble());
    if (sentences.length > 0 || files.some((file) => file.isOfRun)) return sentences;
    const [first] = files;
    return [
      files.length === 1
        ? l10n.t`The program wrote no metrics to the files that match ${pattern}: ${first!.file} had nothing new. Correct "files" in "metrics".`
        : l10n.t`The program wrote no metrics to the files that match ${pattern}: ${files.length} files had nothing new. Correct "files" in "metrics".`,
    ];
  }

  #fileOf(file: string): MetricFile {
    const known = this.#files.get(file);
    if (known) return known;
    const parts = file.split(path.sep).filter(Boolean);
    const last = parts.pop() ?? '';
    // The event files of one folder are one series: a program that goes on begins another file.
    if (this.source.from !== 'tensorboard') parts.push(path.basename(last, path.extname(last)));
    const made = new MetricFile(file, this.source, () => this.#names.of(file, parts), this.measured);
    this.#files.set(file, made);
    return made;
  }
}
