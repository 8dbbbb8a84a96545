import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { UserError } from '../errors';
import { makeFolder, recoverWrites, remove } from '../files';
import { readSealed, writeSealed } from '../sealed-file';
import { SPEED, speedFile, type VariantTimes } from './speed/times';
import type { DoneTrial, TrialKey } from './trial';

const VERSION = 1;
const key = z.object({ version: z.literal(VERSION), variant: z.string(), seed: z.number() });

/**
 * `trials/` of a run directory: a sealed file for each trial that is done, one for what the clock said, and a hidden folder
 * for each trial that runs alone, where its training keeps what it resumes from.
 */
export class TrialFiles<Outcome extends object> {
  readonly #folder: string;

  private constructor(
    runDir: string,
    readonly outcome: z.ZodType<Outcome>,
  ) {
    this.#folder = path.join(runDir, 'trials');
  }

  /** @throws UserError `disk.*` */
  static async open<Outcome extends object>(runDir: string, outcome: z.ZodType<Outcome>): Promise<TrialFiles<Outcome>> {
    const files = new TrialFiles(runDir, outcome);
    await makeFolder(files.#folder);
    return files;
  }

  /**
   * Removes files that a killed process left half-written. Only safe where no other process works in the folder.
   * @throws UserError `run.special-file`: a named pipe would keep whoever reads it waiting for ever
   */
  async recover(): Promise<void> {
    await recoverWrites(this.#folder);
    for (const entry of await readdir(this.#folder, { withFileTypes: true }))
      if (entry.isFIFO() || entry.isSocket() || entry.isCharacterDevice() || entry.isBlockDevice())
        throw new UserError(
          'run.special-file',
          l10n.t`${path.join(this.#folder, entry.name)} is a named pipe, a socket or a device, not a file.`,
          l10n.t('Move it away, then resume the run.'),
        );
  }

  #file(name: string): string {
    return path.join(this.#folder, `${name}.json`);
  }

  has(name: string): boolean {
    return existsSync(this.#file(name));
  }

  /** Undefined where the trial is still to be done. @throws UserError `file.damaged` */
  async read(name: string): Promise<DoneTrial<Outcome> | undefined> {
    const found = await readSealed(this.#file(name), z.intersection(key, this.outcome));
    if (!found) return undefined;
    const { variant, seed } = found;
    return { ...this.outcome.parse(found), variant, seed };
  }

  async write(name: string, { variant, seed }: TrialKey, outcome: Outcome): Promise<DoneTrial<Outcome>> {
    // As a reader will have it: what the schema does not know is not kept.
    const kept = this.outcome.parse(outcome);
    await writeSealed(this.#file(name), { version: VERSION, variant, seed, ...kept });
    return { ...kept, variant, seed };
  }

  /** @throws UserError `file.damaged` */
  async readTimes(): Promise<readonly VariantTimes[]> {
    return (await readSealed(this.#file(SPEED), speedFile))?.times ?? [];
  }

  writeTimes = (times: readonly VariantTimes[]): Promise<void> =>
    writeSealed(this.#file(SPEED), speedFile.parse({ version: VERSION, times }));

  /** Where a trial that runs alone trains. */
  scratchOf = (name: string): string => path.join(this.#folder, `.${name}`);

  /** Removes the folders of trials that ran alone. */
  async removeScratch(): Promise<void> {
    const hidden = (await readdir(this.#folder)).filter((name) => name.startsWith('.'));
    for (const name of hidden) await remove(path.join(this.#folder, name));
  }
}
