import * as l10n from '@vscode/l10n';
import { kindsInWords, modelFolderOf, modelKindName, readModel, type ModelKind } from '../../models/kind';
import { UserError } from '../../errors';
import { valueOf } from './edit';
import { specPath } from './path';
import { startFrom, type Start } from '../starting';

/** A change of a spec: one value at a key. */
export interface SpecChange {
  readonly key: string;
  readonly value: string;
}

/**
 * What makes a spec start from a model.
 * @param text the spec's
 * @param starting the ways to begin of its method; undefined where it names none that is known
 * @throws UserError `spec.no-method`, `branch.no-model`, `branch.other-kind`
 */
export async function startingFrom(
  text: string,
  file: string,
  checkpoint: string,
  starting: readonly Start[] | undefined,
): Promise<SpecChange> {
  if (!starting)
    throw new UserError(
      'spec.no-method',
      l10n.t`${file} names no method.`,
      l10n.t('Add "method" first: it decides how the model is used.'),
    );
  const spec = valueOf(text);
  const model = await modelFolderOf(checkpoint);
  const found = await readModel(model).then(
    ({ kind }) => ({ kind, is: modelKindName(kind) }),
    (error: unknown): { kind: ModelKind | undefined; is: string } => {
      if (error instanceof UserError) return { kind: undefined, is: l10n.t`not usable: ${error.message}` };
      throw error;
    },
  );
  const input = startFrom(starting, found.kind, spec)?.model;
  if (input) return { key: input.key, value: specPath(file, model) };
  const wanted = starting.flatMap(({ model: own }) => own?.takes ?? []);
  const method = String(spec.method);
  if (wanted.length === 0)
    throw new UserError(
      'branch.no-model',
      l10n.t`"${method}" does not start from a model.`,
      l10n.t('Drop the checkpoint on another spec.'),
    );
  throw new UserError(
    'branch.other-kind',
    l10n.t`This spec starts from ${kindsInWords(wanted)}. The checkpoint is ${found.is}.`,
    l10n.t('Drop it on another spec.'),
  );
}
