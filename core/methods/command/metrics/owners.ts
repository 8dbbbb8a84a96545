import { readFile } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { writeFileAtomic } from '../../../files';
import type { MetricSource } from '../config';

/** By metric: the source that it comes from. */
const stored = z.record(z.string(), z.string());

const OUTPUT = 'the output';

/** What the file calls a source: `the output`, or its glob. */
const nameOf = (source: MetricSource): string => (source.from === 'output' ? OUTPUT : source.files);

/** What a person calls it. */
const shown = (name: string): string => (name === OUTPUT ? l10n.t('the output') : name);

/**
 * A metric comes from one source: two that report a loss may mean two losses, and one series of both would be neither. The
 * first to report it keeps it, in later attempts too; what another one reports under its name is left out, with a note.
 */
export class Owners {
  readonly #owners = new Map<string, string>();
  /** By metric: the other sources that reported it. */
  readonly #others = new Map<string, Set<string>>();
  #changed = false;

  /** @param runDir the run directory, which keeps the owners for the next attempt */
  constructor(readonly runDir: string) {}

  /** Takes the owners of an earlier attempt. */
  async load(): Promise<void> {
    const text = await readFile(this.#file, 'utf8').catch(() => '{}');
    try {
      const owners = stored.safeParse(JSON.parse(text)).data ?? {};
      for (const [metric, source] of Object.entries(owners)) this.#owners.set(metric, source);
    } catch {
      // What is torn tells nothing: the first to report owns again.
    }
  }

  /** The values that are a source's own. */
  own(source: MetricSource, values: Readonly<Record<string, number>>): Record<string, number> {
    const name = nameOf(source);
    return Object.fromEntries(Object.entries(values).filter(([metric]) => this.#isOwn(metric, name)));
  }

  /** What was left out, in sentences. */
  trouble(): string[] {
    const skipped = new Map<string, Map<string, string[]>>();
    for (const [metric, others] of this.#others)
      for (const other of others) {
        const kept = this.#owners.get(metric)!;
        const of = skipped.get(kept) ?? new Map<string, string[]>();
        skipped.set(kept, of.set(other, [...(of.get(other) ?? []), JSON.stringify(metric)]));
      }
    return [...skipped].flatMap(([owner, of]) =>
      [...of].map(([one, metrics]) => {
        const [kept, other] = [shown(owner), shown(one)];
        return l10n.t`Both ${kept} and ${other} report ${metrics.join(', ')}. Values from ${kept} were recorded, values from ${other} were skipped. Remove one of the two from "metrics", or use different names in the program.`;
      }),
    );
  }

  /** Keeps new owners for the next attempt. */
  async save(): Promise<void> {
    if (!this.#changed) return;
    this.#changed = false;
    await writeFileAtomic(this.#file, `${JSON.stringify(Object.fromEntries(this.#owners), null, 2)}\n`);
  }

  get #file(): string {
    return path.join(this.runDir, 'owners.json');
  }

  #isOwn(metric: string, source: string): boolean {
    const owner = this.#owners.get(metric);
    if (owner === undefined) {
      this.#owners.set(metric, source);
      this.#changed = true;
      return true;
    }
    if (owner === source) return true;
    this.#others.set(metric, (this.#others.get(metric) ?? new Set()).add(source));
    return false;
  }
}
