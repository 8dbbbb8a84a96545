import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { UserError } from '../errors';
import { trialPaths, trialsFolder } from '../experiments/run/trial-folder';
import { makeFolder, recoverWrites, remove } from '../files';
import { readSealed, writeSealed } from '../sealed-file';
import { SPEED, speedFile, type VariantTimes } from './speed/times';
import type { DoneTrial, TrialKey } from './trial';

const VERSION = 1;
const key = z.object({ version: z.literal(VERSION), variant: z.string(), seed: z.number() });

/**
 * The folder `trials/` of a run directory: a sealed file per finished trial, one for the measured times, and a hidden
 * folder for each trial that runs alone, where its training stores the checkpoint to resume from.
 */
export class TrialFiles<Outcome extends object> {
  readonly #folder: string;

  private constructor(
    readonly runDir: string,
    readonly outcome: z.ZodType<Outcome>,
  ) {
    this.#folder = trialsFolder(runDir);
  }

  /** @throws UserError `disk.*` */
  static async open<Outcome extends object>(runDir: string, outcome: z.ZodType<Outcome>): Promise<TrialFiles<Outcome>> {
    const files = new TrialFiles(runDir, outcome);
    await makeFolder(files.#folder);
    return files;
  }

  /**
   * Removes files that a killed process left half-written. Only safe if no other process uses the folder.
   * @throws UserError `run.special-file`: reading a named pipe would block forever
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
    return trialPaths(this.runDir, name).done;
  }

  has(name: string): boolean {
    return existsSync(this.#file(name));
  }

  /** Undefined if the trial is not done yet. @throws UserError `file.damaged` */
  async read(name: string): Promise<DoneTrial<Outcome> | undefined> {
    const found = await readSealed(
      this.#file(name),
      z.intersection(key, this.outcome),
      l10n.t('Restore it from a copy, or delete it and resume the run: then only this trial is run again.'),
    );
    if (!found) return undefined;
    const { variant, seed } = found;
    return { ...this.outcome.parse(found), variant, seed };
  }

  async write(name: string, { variant, seed }: TrialKey, outcome: Outcome): Promise<DoneTrial<Outcome>> {
    // Parsed as a reader will: keys that the schema does not have are dropped.
    const kept = this.outcome.parse(outcome);
    await writeSealed(this.#file(name), { version: VERSION, variant, seed, ...kept });
    return { ...kept, variant, seed };
  }

  /** @throws UserError `file.damaged` */
  async readTimes(): Promise<readonly VariantTimes[]> {
    const hint = l10n.t('Delete it and resume the run: then the models are timed again.');
    return (await readSealed(this.#file(SPEED), speedFile, hint))?.times ?? [];
  }

  writeTimes = (times: readonly VariantTimes[]): Promise<void> =>
    writeSealed(this.#file(SPEED), speedFile.parse({ version: VERSION, times }));

  /** The folder of a trial that runs alone. */
  scratchOf = (name: string): string => trialPaths(this.runDir, name).dir;

  /** Removes the folders of trials that ran alone. */
  async removeScratch(): Promise<void> {
    const hidden = (await readdir(this.#folder)).filter((name) => name.startsWith('.'));
    for (const name of hidden) await remove(path.join(this.#folder, name));
  }
}
