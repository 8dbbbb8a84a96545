import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import * as l10n from '@vscode/l10n';
import { messageOf, UserError } from '../../../errors';
import { readRecord, runPaths } from '../../../experiments/run/directory';
import {
  isLabeled,
  isOfAll,
  labelName,
  sampleLists,
  type HistogramQuery,
  type ImportanceHistogram,
  type ImportanceOverview,
  type ListTruth,
  type Opinion,
  type SamplePage,
  type SampleQuery,
  type SampleRow,
} from '../../../protocol/importance';
import { IMPORTANCE_FILE, type ImportanceMap } from '../artifacts';
import { readImportanceMap } from '../sampling/importance-recorder';
import { readFlags, setFlags } from './flags';
import { barsOf, histogramOf, truthOf } from './histogram';
import { stateOf, type Opinions, type Pass } from './pass';
import { PassReader } from './pass-reader';
import { selectSamples } from './select';
import type { SampleContent, SampleSource } from './samples';
import { changed, explainAbsence, isSame, openSampleSource, parseTrainedOn } from './source';

const BINS = { default: 40, most: 500 };
/** Limits: rows per page, and characters of a text in a row; longer texts are opened separately. */
const MAX_ROWS = 500;
const MAX_CHARACTERS = 2000;
/** Samples searched before the event loop gets a turn. */
const STRIDE = 4096;

/** The samples, or a note on why they cannot be shown. */
interface Content {
  readonly source?: SampleSource;
  readonly note?: string;
}

interface Selected {
  readonly key: string;
  readonly samples: Uint32Array;
}

/** The data importance of a run: counts and pages of lists, for any number of samples. */
export class ImportanceView {
  #map: ImportanceMap;
  readonly #reader: PassReader;
  #content: Promise<Content> | undefined;
  #flags: Promise<ReadonlySet<number>> | undefined;
  /** The last list requested; the user pages through it. */
  #selected: Selected | undefined;

  constructor(
    readonly runDir: string,
    map: ImportanceMap,
  ) {
    this.#map = map;
    this.#reader = new PassReader(runPaths(runDir).artifacts);
  }

  /** Number of training samples. */
  get size(): number {
    return this.#map.samples;
  }

  /** Reads what the run has written since. @throws as `openImportance` */
  async refresh(): Promise<ImportanceOverview> {
    const map = await readMap(this.runDir);
    if (JSON.stringify(map) !== JSON.stringify(this.#map)) this.#selected = undefined;
    this.#map = map;
    this.#flags = undefined;
    // Missing data may have been restored.
    if ((await this.#content)?.note !== undefined) this.#content = undefined;
    const { samples, classes, data, variant, seed, score, keep, skipHardest, balanced, labelNoise, passes } = this.#map;
    return {
      ...{ data, variant, seed, score, keep, skipHardest, balanced, samples, classes, labelNoise },
      passes: passes.map(({ file: _, ...pass }) => pass),
      flagged: (await this.#flagged()).size,
      source: await this.#sourceName(),
    };
  }

  /** What the spec names as the data; undefined if another version of Winnow made the run. */
  async #sourceName(): Promise<string | undefined> {
    const record = await readRecord(this.runDir).catch(() => undefined);
    const { texts, images, language } = (record && parseTrainedOn(record)) ?? {};
    return (texts ?? images ?? language)?.data.source;
  }

  /** @throws UserError `importance.no-pass`, `importance.unreadable`, `file.*`, `safetensors.*` */
  async histogram({ epoch, label, bins = BINS.default, scale }: HistogramQuery): Promise<ImportanceHistogram> {
    const bars = barsOf(await this.#reader.ranges(this.#map), this.#map.score, scale);
    const count = Math.min(Math.max(Math.round(bins), 1), BINS.most);
    return histogramOf(await this.#pass(epoch), bars, count, label);
  }

  /** One page of a list. @throws UserError `importance.no-labels` and as `histogram` */
  async samples(
    { offset, count, ...query }: SampleQuery & { readonly offset: number; readonly count: number },
    signal?: AbortSignal,
  ): Promise<SamplePage> {
    const chosen = await this.#select(query, signal);
    const pass = await this.#pass(query.epoch);
    const { source, note } = await this.#opened(signal);
    const rows: SampleRow[] = [];
    for (const sample of chosen.subarray(offset, offset + Math.min(count, MAX_ROWS))) {
      signal?.throwIfAborted();
      const { text, pair, ...content } = await this.#row(sample, pass, source);
      // A sample that can no longer be decoded still gets a row.
      const picture = await source?.picture(sample).catch(() => undefined);
      rows.push({
        ...content,
        ...(text !== undefined && { text: shorten(text) }),
        ...(pair !== undefined && { pair: shorten(pair) }),
        ...(picture !== undefined && { picture }),
      });
    }
    return { total: chosen.length, offset, rows, note };
  }

  /** The samples of a list, by their numbers. @throws as `samples` */
  async chosen(query: SampleQuery, signal?: AbortSignal): Promise<Uint32Array> {
    return (await this.#select(query, signal)).slice();
  }

  /** What the list of samples that look wrong is worth; undefined if that is unknown. @throws as `histogram` */
  async truth(epoch: number): Promise<ListTruth | undefined> {
    return truthOf(await this.#pass(epoch));
  }

  /** A list as JSON lines, with full texts. @throws as `samples` */
  async *lines(query: SampleQuery, signal?: AbortSignal, count = Infinity): AsyncGenerator<string, void> {
    const chosen = await this.#select(query, signal);
    const pass = await this.#pass(query.epoch);
    const { source } = await this.#opened(signal);
    for (const [i, sample] of chosen.subarray(0, Math.min(count, chosen.length)).entries()) {
      if (i % STRIDE === 0) await pause(signal);
      const { opinion, ...row } = await this.#row(sample, pass, source);
      const name = (one: number) => (this.#map.classes.length === 0 ? one : labelName(this.#map.classes, one));
      const named = opinion && { ...opinion, label: name(opinion.label), predicted: name(opinion.predicted) };
      yield `${JSON.stringify({ ...row, ...named, epoch: query.epoch })}\n`;
    }
  }

  /** Why rows have no text or picture; undefined if they have. */
  async note(): Promise<string | undefined> {
    return (await this.#opened()).note;
  }

  /** @returns the number of flagged samples afterwards @throws UserError `importance.unreadable-flags`, `disk.*` */
  async flag(samples: Iterable<number>, flagged: boolean): Promise<number> {
    const known = [...samples].filter(
      (sample) => Number.isInteger(sample) && sample >= 0 && sample < this.#map.samples,
    );
    const all = await setFlags(this.runDir, known, flagged);
    this.#flags = Promise.resolve(all);
    return all.size;
  }

  async #row(sample: number, pass: Pass, source: SampleSource | undefined): Promise<SampleRow> {
    const content: Partial<SampleContent> = source?.content(sample) ?? {};
    return {
      index: sample,
      ...content,
      ...(pass.opinions && { opinion: opinionOf(pass.opinions, sample) }),
      score: pass.scores[sample]!,
      state: stateOf(pass, sample),
      flagged: (await this.#flagged()).has(sample),
    };
  }

  async #select(query: SampleQuery, signal?: AbortSignal): Promise<Uint32Array> {
    requireLabels(this.#map, query);
    const flagged = await this.#flagged();
    const key = JSON.stringify([query, query.flagged ? [...flagged] : []]);
    if (this.#selected?.key === key) return this.#selected.samples;
    const of = {
      pass: await this.#pass(query.epoch),
      classes: this.#map.classes.length > 0,
      flagged,
    };
    const samples = await this.#search(selectSamples(of, query), query.search ?? '', signal);
    this.#selected = { key, samples };
    return samples;
  }

  async #search(samples: Uint32Array, search: string, signal?: AbortSignal): Promise<Uint32Array> {
    const wanted = search.toLowerCase();
    if (wanted.trim() === '') return samples;
    const { source } = await this.#opened(signal);
    if (!source) return new Uint32Array(0);
    const has = (text = '') => text.toLowerCase().includes(wanted);
    const found: number[] = [];
    for (const [i, sample] of samples.entries()) {
      if (i % STRIDE === 0) await pause(signal);
      const { name, text, pair } = source.content(sample);
      if (has(name) || has(text) || has(pair)) found.push(sample);
    }
    return Uint32Array.from(found);
  }

  async #pass(epoch: number): Promise<Pass> {
    const index = this.#map.passes.findIndex((pass) => pass.epoch === epoch);
    if (index < 0)
      throw new UserError(
        'importance.no-pass',
        l10n.t`The run has no selection after ${epoch} epochs.`,
        l10n.t`It has one after ${this.#map.passes.map((pass) => pass.epoch).join(', ')}.`,
      );
    return this.#reader.pass(this.#map, index);
  }

  #flagged(): Promise<ReadonlySet<number>> {
    this.#flags ??= readFlags(this.runDir);
    return this.#flags;
  }

  /** Continues even if the request is canceled: the next one needs the data too. */
  #opened(signal?: AbortSignal): Promise<Content> {
    this.#content ??= this.#openContent();
    return unlessAborted(this.#content, signal);
  }

  async #openContent(): Promise<Content> {
    try {
      const source = await openSampleSource(this.runDir);
      const labels = await this.#reader.labels(this.#map);
      return isSame(source, { ...this.#map, labels }) ? { source } : { note: changed() };
    } catch (error) {
      return { note: explainAbsence(error) };
    }
  }
}

/**
 * Opens the data importance of a run; arrays and samples are read on demand.
 * @throws UserError `importance.none`, `importance.unreadable`
 */
export async function openImportance(runDir: string): Promise<ImportanceView> {
  return new ImportanceView(runDir, await readMap(runDir));
}

async function readMap(runDir: string): Promise<ImportanceMap> {
  const file = path.join(runPaths(runDir).artifacts, IMPORTANCE_FILE);
  const map = await readImportanceMap(file).catch((error: unknown) => {
    const hint = l10n.t('It may have been changed, or written by another version of Winnow.');
    throw new UserError('importance.unreadable', l10n.t`${file} cannot be read: ${messageOf(error)}.`, hint, {
      cause: error,
    });
  });
  if (map && map.passes.length > 0) return map;
  throw new UserError(
    'importance.none',
    l10n.t`${path.basename(runDir)} has not selected samples yet.`,
    l10n.t('Runs of swiftlearn select samples after their warm-up.'),
  );
}

const opinionOf = ({ labels, predicted, confidence, suspicion, forgotten }: Opinions, sample: number): Opinion => ({
  label: labels[sample]!,
  predicted: predicted[sample]!,
  confidence: confidence[sample]!,
  suspicion: suspicion[sample]!,
  forgotten: forgotten[sample]!,
});

/** @throws UserError `importance.no-labels` if a query needs labels and samples have none */
function requireLabels({ data }: ImportanceMap, { list, wrong, label }: SampleQuery): void {
  if (isLabeled(data) || (isOfAll(list) && !wrong && label === undefined)) return;
  throw new UserError(
    'importance.no-labels',
    l10n.t('The samples of this run are blocks of text without labels, so none can be wrong, forgotten or mislabeled.'),
    l10n.t`Their lists: ${sampleLists.filter(isOfAll).join(', ')}.`,
  );
}

async function pause(signal: AbortSignal | undefined): Promise<void> {
  await setImmediate();
  signal?.throwIfAborted();
}

/** Settles like the promise, or rejects with the signal's reason if that comes first. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => {
      reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    };
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject);
  });
}

const shorten = (text: string) => (text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS)}…` : text);
