import { readdirSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { partOf, type ArtifactKind } from '../core/experiments/artifact-kinds';
import { valueAt, type Settings } from '../core/experiments/spec/kept-settings';
import type { RunRow } from '../core/protocol/runs';
import type { MethodList } from './specs/methods';

/** The kinds of artifacts that have panels. */
export const SHOWN = ['tradeoff', 'token-heatmap', 'importance'] as const;
export type ShownKind = (typeof SHOWN)[number];

type Run = Pick<RunRow, 'dir' | 'method'>;

/** The artifacts that runs have written for panels, and those that they may still write, as declared by their methods. */
export class RunArtifacts {
  /** What finished runs offer, which no longer changes; keyed by directory and end time. */
  readonly #ended = new Map<string, Promise<readonly ShownKind[]>>();
  /** Settings of runs, which never change. */
  readonly #settings = new Map<string, Promise<Settings>>();

  constructor(readonly methods: MethodList) {}

  /** The declaration of a kind by a run's method; undefined if the method does not write it. */
  #declared({ method }: Run, kind: ShownKind): ArtifactKind | undefined {
    return this.methods.artifactsOf(method).find((one) => one.kind === kind);
  }

  /** For each file of a kind that a run has written, what `*` in its name stands for. */
  parts(run: Run, kind: ShownKind): string[] {
    const declared = this.#declared(run, kind);
    if (!declared) return [];
    return namesIn(run.dir).flatMap((name) => partOf(name, declared) ?? []);
  }

  /** What `*` in the name of a file stands for; undefined if the file is not of that kind. */
  partOf(run: Run, kind: ShownKind, name: string): string | undefined {
    const declared = this.#declared(run, kind);
    return declared && partOf(name, declared);
  }

  has = (run: Run, kind: ShownKind): boolean => this.parts(run, kind).length > 0;

  /** When a run last wrote its file of a kind, milliseconds since 1970; undefined if it has not. */
  written(run: Run, kind: ShownKind): number | undefined {
    const declared = this.#declared(run, kind);
    const timeOf = (name: string) =>
      statSync(path.join(run.dir, 'artifacts', name), { throwIfNoEntry: false })?.mtimeMs;
    return (
      declared && (timeOf(declared.files) ?? (declared.formerly === undefined ? undefined : timeOf(declared.formerly)))
    );
  }

  /** Whether a run without such a file may still write one: its method does, and its settings do not turn it off. */
  async expects(run: Run, kind: ShownKind): Promise<boolean> {
    const declared = this.#declared(run, kind);
    if (!declared) return false;
    const { off } = declared;
    if (!off) return true;
    let settings = this.#settings.get(run.dir);
    if (!settings) this.#settings.set(run.dir, (settings = configOf(run.dir)));
    return valueAt(this.methods.recordedSettings(run.method, await settings), off.key) !== off.value;
  }

  /** The kinds whose panels can show something of a run, now or later. */
  offered(row: RunRow): Promise<readonly ShownKind[]> {
    if (row.state !== 'done') return this.#offered(row);
    const key = `${row.dir}\n${row.ended ?? ''}`;
    let offered = this.#ended.get(key);
    if (!offered) this.#ended.set(key, (offered = this.#offered(row)));
    return offered;
  }

  async #offered(row: RunRow): Promise<readonly ShownKind[]> {
    const offered = await Promise.all(
      SHOWN.map(async (kind) => this.has(row, kind) || (row.state !== 'done' && (await this.expects(row, kind)))),
    );
    return SHOWN.filter((_kind, i) => offered[i]);
  }
}

function namesIn(runDir: string): string[] {
  try {
    return readdirSync(path.join(runDir, 'artifacts'));
  } catch {
    // There is no run, or it has not written anything yet.
    return [];
  }
}

/** The settings of a run's method; empty if they cannot be read. */
async function configOf(runDir: string): Promise<Settings> {
  try {
    const record = JSON.parse(await readFile(path.join(runDir, 'run.json'), 'utf8')) as {
      spec?: { config?: Settings };
    };
    return record.spec?.config ?? {};
  } catch {
    return {};
  }
}
