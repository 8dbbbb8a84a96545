import type { ScoreKind } from '../../../protocol/importance';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { openSafetensorsFile, type SafetensorsFile } from '../../../checkpoint/safetensors';
import { UserError } from '../../../errors';
import type { ImportanceMap, ImportancePass } from '../artifacts';
import { scoreRange, type ScoreRange } from './histogram';
import { inOrder } from './order';
import type { Opinions, Pass } from './pass';

/** Number of passes held in memory; with a million samples each takes about 20 MB. */
const MAX_OPEN = 2;

/** Reads the arrays of a run's selections on demand. */
export class PassReader {
  readonly #passes = new Map<string, Promise<Pass>>();
  /** Small but slow to compute, so kept for all passes. */
  readonly #ranges = new Map<string, ScoreRange>();

  /** @param dir the folder with the files */
  constructor(readonly dir: string) {}

  /** @throws UserError `importance.unreadable`, `file.*`, `safetensors.*` */
  async pass(map: ImportanceMap, index: number): Promise<Pass> {
    const keys = await Promise.all(map.passes.slice(0, index + 1).map((pass) => this.#key(pass)));
    // Earlier passes determine which samples returned and which were forgotten.
    const key = keys.join(' ');
    let found = this.#passes.get(key);
    if (!found) {
      found = this.#read(map, index);
      found.catch(() => this.#passes.delete(key));
    }
    // Moves it to the end: most recently used last.
    this.#passes.delete(key);
    this.#passes.set(key, found);
    for (const oldest of [...this.#passes.keys()].slice(0, -MAX_OPEN)) this.#passes.delete(oldest);
    return found;
  }

  /** The range of scores worth drawing, for each selection. @throws as `pass` */
  async ranges(map: ImportanceMap): Promise<ScoreRange[]> {
    const ranges: ScoreRange[] = [];
    for (const pass of map.passes) ranges.push(await this.#range(pass, map.score, map.samples));
    return ranges;
  }

  /** Undefined if samples have no labels. @throws as `pass` */
  async labels({ labelsFile, samples }: ImportanceMap): Promise<Float32Array | undefined> {
    return labelsFile === undefined ? undefined : this.#open(labelsFile, (file) => floats(file, 'labels', samples));
  }

  async #range(pass: ImportancePass, kind: ScoreKind, samples: number): Promise<ScoreRange> {
    const key = await this.#key(pass);
    const range =
      this.#ranges.get(key) ?? scoreRange(await this.#open(pass.file, (file) => floats(file, 'scores', samples)), kind);
    this.#ranges.set(key, range);
    return range;
  }

  async #read(map: ImportanceMap, index: number): Promise<Pass> {
    const { samples } = map;
    const { file: name, epoch, threshold } = map.passes[index]!;
    // With random draws, a sample that returns means nothing.
    const before = threshold === null ? undefined : map.passes[index - 1];
    const arrays = await this.#open(name, async (file) => ({
      scores: await floats(file, 'scores', samples),
      kept: await bytes(file, 'kept', samples),
    }));
    return {
      epoch,
      ...arrays,
      before: before && (await this.#open(before.file, (file) => bytes(file, 'kept', samples))),
      opinions: await this.#opinions(map, index),
    };
  }

  async #opinions(map: ImportanceMap, index: number): Promise<Opinions | undefined> {
    const labels = await this.labels(map);
    if (!labels) return undefined;
    const { samples } = map;
    const { file: name, wrong } = map.passes[index]!;
    const arrays = await this.#open(name, async (file) => ({
      predicted: await floats(file, 'predicted', samples),
      confidence: await floats(file, 'confidence', samples),
      suspicion: await floats(file, 'suspicion', samples),
    }));
    const trueLabels =
      map.labelNoise && (await this.#open(map.labelsFile!, (file) => floats(file, 'trueLabels', samples)));
    const listed = wrong && mostSuspicious(arrays.suspicion, wrong.listed);
    return { labels, ...arrays, wrong: listed, trueLabels, forgotten: await this.#forgotten(map, index, labels) };
  }

  /** Counted over all selections up to this one, holding one in memory at a time. */
  async #forgotten(map: ImportanceMap, index: number, labels: Float32Array): Promise<Uint8Array> {
    const forgotten = new Uint8Array(map.samples);
    // Regression: predictions are never exactly right, so none are forgotten.
    if (map.classes.length === 0) return forgotten;
    const right = new Uint8Array(map.samples);
    for (const { file: name } of map.passes.slice(0, index + 1)) {
      const predicted = await this.#open(name, (file) => floats(file, 'predicted', map.samples));
      for (let sample = 0; sample < predicted.length; sample++) {
        const now = predicted[sample] === labels[sample] ? 1 : 0;
        if (right[sample]! > now) forgotten[sample] = Math.min(255, forgotten[sample]! + 1);
        right[sample] = now;
      }
    }
    return forgotten;
  }

  /** Identifies a file's current version: a resumed training rewrites some files. */
  async #key({ file }: ImportancePass): Promise<string> {
    const found = await stat(path.join(this.dir, path.basename(file))).catch(() => undefined);
    return `${file}@${found?.mtimeMs ?? 0}`;
  }

  async #open<T>(name: string, read: (file: SafetensorsFile) => Promise<T>): Promise<T> {
    // Always in the run's own folder, even if the list was tampered with.
    const file = await openSafetensorsFile(path.join(this.dir, path.basename(name)));
    try {
      return await read(file);
    } finally {
      await file.close();
    }
  }
}

/** The samples with the highest suspicion, in this order; among equals, the lower number first. */
const mostSuspicious = (suspicion: Float32Array, listed: number): Uint32Array =>
  inOrder(Uint32Array.from(suspicion.keys()), suspicion, true).slice(0, listed);

async function floats(file: SafetensorsFile, name: string, samples: number): Promise<Float32Array> {
  const values = await file.readFloat32(name);
  if (values.length !== samples) throw wrongSize(file, name);
  return values;
}

async function bytes(file: SafetensorsFile, name: string, samples: number): Promise<Uint8Array> {
  const values = await file.readBytes(name);
  if (values.length !== samples) throw wrongSize(file, name);
  return values;
}

const wrongSize = (file: SafetensorsFile, name: string) =>
  new UserError(
    'importance.unreadable',
    l10n.t`${file.name}: ${name} does not have as many samples as the run.`,
    l10n.t('The file was changed or only partly copied; repeat the run.'),
  );
