import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { kindsInWords, modelFolderOf, modelKindName, readModel, type KnownModel } from '../../models/kind';
import { checkpointSource, findSource } from './checkpoint-source';
import { changedSince, readMeta } from './checkpoints';
import type { Method } from '../method';
import { lineageOf } from '../run/provenance';
import type { Registry } from '../registry';
import { readRecord, type RunRecord } from '../run/directory';
import { startFrom, type Start } from '../starting';

/** What a branch goes on from. */
export interface Origin {
  /** What a person calls it. */
  readonly name: string;
  /** The model: a folder, or the file of another program. */
  readonly model: string;
  /** What it is; undefined for what Winnow does not read. */
  readonly known: KnownModel | undefined;
  /** Why it is not read. */
  readonly problem: string;
  /** The run that made it, where one did. */
  readonly run: RunRecord | undefined;
}

/**
 * @param checkpoint a model folder, a file of weights, or a folder in a run's `checkpoints/`
 * @throws UserError `branch.training` for a training that is to be resumed; `run.unreadable`
 */
export async function originOf(checkpoint: string): Promise<Origin> {
  const folder = await modelFolderOf(path.resolve(checkpoint));
  const { run } = lineageOf(folder);
  const meta = run === undefined ? undefined : await readMeta(folder);
  const name = path.basename(folder);
  if (meta?.kind === 'training')
    throw new UserError(
      'branch.training',
      l10n.t`"${name}" is the state of an unfinished training, not a model.`,
      l10n.t('Resume its run, or turn it into a model first with "winnow export".'),
    );
  const source = checkpointSource.safeParse(meta).data;
  if (source) {
    const { path: file, state } = await findSource(source, folder, { thorough: true });
    if (state === 'changed')
      throw new UserError(
        'branch.changed',
        changedSince(file),
        l10n.t`To go on from the file as it is, name ${file} itself.`,
      );
  }
  const record = run === undefined ? undefined : await readRecord(path.dirname(path.dirname(folder)));
  // A program's checkpoint lies where the program wrote it.
  const model = meta?.source === undefined ? folder : path.resolve(folder, meta.source);
  return { name, model, run: record, ...(await read(model)) };
}

async function read(folder: string): Promise<Pick<Origin, 'known' | 'problem'>> {
  try {
    return { known: await readModel(folder), problem: '' };
  } catch (error) {
    if (error instanceof UserError) return { known: undefined, problem: error.message };
    throw error;
  }
}

/** A method, and its way to begin that can start from a model. */
export interface Continuation {
  readonly method: Method;
  readonly start: Start;
}

/** Every method that can go on from a model. */
export function continuationsOf(registry: Registry, { known }: Pick<Origin, 'known'>): Continuation[] {
  return registry.methods.flatMap((method) => {
    const start = startFrom(method.starting, known?.kind);
    return start ? [{ method, start }] : [];
  });
}

/**
 * The method that goes on from a model.
 * @param name what a person asked for; else the method of the run that made it, else the only one there is
 * @throws UserError `spec.unknown-method`, `branch.no-model`, `branch.other-kind`, `branch.which-method`
 */
export function continuationOf(registry: Registry, origin: Origin, name: string | undefined): Continuation {
  const able = continuationsOf(registry, origin);
  const names = able.map(({ method }) => method.name).join(', ') || l10n.t('none');
  const asked = name ?? origin.run?.spec.method;
  const found = able.find(({ method }) => method.name === asked);
  if (found) return found;
  const method = name === undefined ? registry.methods.find((one) => one.name === asked) : registry.get(name);
  const inputs = (method?.starting ?? []).flatMap(({ model }) => (model ? [model] : []));
  if (method && inputs.length > 0) {
    const wanted = kindsInWords(inputs.flatMap(({ takes = [] }) => takes));
    const is = origin.known ? l10n.t`${origin.name} is ${modelKindName(origin.known.kind)}.` : origin.problem;
    throw new UserError(
      'branch.other-kind',
      l10n.t`"${method.name}" starts from ${wanted}. ${is}`,
      l10n.t`Methods that can start from it: ${names}.`,
    );
  }
  if (name !== undefined)
    throw new UserError(
      'branch.no-model',
      l10n.t`"${name}" does not start from a model.`,
      l10n.t`Methods that can start from this model: ${names}.`,
    );
  const [only, ...others] = able;
  if (only && others.length === 0) return only;
  throw new UserError(
    'branch.which-method',
    l10n.t('Several methods can start from this model.'),
    l10n.t`Choose with --method: ${names}.`,
  );
}
