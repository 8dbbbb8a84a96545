import type { KnownNoise, ScoreKind } from '../../../protocol/importance';
import path from 'node:path';
import { float32Tensor, writeSafetensors } from '../../../checkpoint/safetensors-writer';
import type { RunContext } from '../../../experiments/method';
import { readSealed, writeSealed } from '../../../sealed-file';
import { IMPORTANCE, IMPORTANCE_FILE, importanceMap, LABELS_FILE, passFile, type ImportanceMap } from '../artifacts';
import type { Learner } from '../learners/learner';
import type { Selected } from './most-important';

interface Recorded {
  readonly variant: string;
  readonly seed: number;
  readonly score: ScoreKind;
  readonly keep: number;
  readonly skipHardest: number | 'auto';
  readonly balanced: boolean;
}

/** Records each selection of one training, for the data importance panel. */
export class ImportanceRecorder {
  /** Selections are made between two steps and written one after another, in this order. */
  #written: Promise<void> = Promise.resolve();

  constructor(
    readonly context: Pick<RunContext, 'artifactsDir' | 'emit'>,
    readonly learner: Pick<Learner, 'kind' | 'size' | 'classes' | 'label' | 'noise' | 'fingerprint'>,
    readonly recorded: Recorded,
  ) {}

  add(epoch: number, { selection, importance, before, suspects }: Selected): void {
    const { size } = this.learner;
    const { kept, count, leftOut, threshold } = selection;
    const { scores, answers } = importance;
    // Copies, because the arrays keep changing.
    const arrays = {
      scores: scores.slice(),
      ...(answers && {
        predicted: answers.predicted.slice(),
        confidence: answers.confidence.slice(),
        suspicion: Float32Array.from({ length: size }, (_, sample) => answers.suspicion(sample)),
      }),
    };
    // With random draws, a sample that returns means nothing.
    const returned =
      threshold === null ? 0 : kept.reduce((sum, one, i) => sum + (one === 1 && before[i] === 0 ? 1 : 0), 0);
    const wrong = suspects && { wrong: suspects.wrong };
    const pass = { epoch, threshold, kept: count, returned, leftOut, ...wrong, file: passFile(epoch) };
    this.#written = this.#written.then(async () => {
      await writeSafetensors(path.join(this.context.artifactsDir, pass.file), [
        ...Object.entries(arrays).map(([name, values]) => float32Tensor(name, [size], values)),
        { name: 'kept', dtype: 'U8', shape: [size], data: kept },
      ]);
      await this.#list(pass);
    });
    // The error goes to the caller that awaits `written`.
    this.#written.catch(() => undefined);
  }

  /** Resolves when all selections so far are on disk. @throws if writing failed */
  get written(): Promise<void> {
    return this.#written;
  }

  /** Replaces selections of this epoch or later, which an interrupted attempt left. */
  async #list(pass: ImportanceMap['passes'][number]): Promise<void> {
    const { artifactsDir, emit } = this.context;
    const file = path.join(artifactsDir, IMPORTANCE_FILE);
    const map = (await readImportanceMap(file)) ?? (await this.#empty());
    const passes = [...map.passes.filter(({ epoch }) => epoch < pass.epoch), pass];
    await writeSealed(file, importanceMap.parse({ ...map, passes }));
    emit({ type: 'artifact', name: IMPORTANCE_FILE, kind: IMPORTANCE.kind });
  }

  async #empty(): Promise<ImportanceMap> {
    const { kind, size, classes, label, noise, fingerprint } = this.learner;
    const all = (of: (sample: number) => number) => Float32Array.from({ length: size }, (_, sample) => of(sample));
    if (label)
      await writeSafetensors(path.join(this.context.artifactsDir, LABELS_FILE), [
        float32Tensor('labels', [size], all(label)),
        ...(noise ? [float32Tensor('trueLabels', [size], all(noise.trueLabel))] : []),
      ]);
    return {
      version: 1,
      data: kind,
      ...this.recorded,
      samples: size,
      classes: [...classes],
      ...(label && { labelsFile: LABELS_FILE }),
      ...(noise && { labelNoise: knownOf(noise) }),
      ...(fingerprint !== undefined && { fingerprint }),
      passes: [],
    };
  }
}

const knownOf = ({ share, kind, seed, flipped }: KnownNoise): KnownNoise => ({ share, kind, seed, flipped });

/** Undefined if a run has not selected samples yet. @throws UserError `file.damaged` */
export const readImportanceMap = (file: string): Promise<ImportanceMap | undefined> => readSealed(file, importanceMap);
