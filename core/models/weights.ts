import * as l10n from '@vscode/l10n';
import type { ModelFolder } from '../checkpoint/model-folder';
import { decodeToFloat32, DTYPE_BYTES, type Dtype } from '../checkpoint/dtype';
import { isPlainFloat } from '../checkpoint/quantization';
import { quoted, valueDtype } from '../checkpoint/safetensors-header';
import { f32, type HostTensor } from '../engine/host';
import { UserError } from '../errors';

/** The tensors that a `config.json` asks for, and where a folder has them. */
export interface Inventory {
  /** Shapes by the name that transformers writes. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** Names in the folder of those that it calls otherwise. */
  readonly stored?: ReadonlyMap<string, string>;
  /** Names of tensors that may be there and are not computed with, by the reason. */
  readonly unused: Readonly<Record<string, RegExp>>;
}

/**
 * Checks what the headers of plain weights tell: every tensor that the model needs is there, as plain floats of its shape, and every one
 * that is there is needed, or known to be of no use. A plan can do that before anything is read.
 * @param dir the folder as its user knows it, for sentences
 * @throws UserError `model.quantized`, `model.missing-tensor`, `model.wrong-shape`, `model.unexpected-tensor`
 */
export function checkInventory(folder: ModelFolder, dir: string, { shapes, stored, unused }: Inventory): void {
  const used = new Set<string>();
  for (const [name, shape] of shapes) {
    const at = stored?.get(name) ?? name;
    used.add(at);
    const info = folder.tensors.get(at);
    if (!info)
      throw new UserError(
        'model.missing-tensor',
        l10n.t`${dir} has no tensor ${name}, which its config.json requires.`,
        l10n.t('Check that the download is complete.'),
      );
    if (info.shape.join() !== shape.join())
      throw new UserError(
        'model.wrong-shape',
        l10n.t`${dir}: tensor ${at} has shape [${info.shape.join(', ')}], but config.json requires [${shape.join(', ')}].`,
        l10n.t('The weights and the config belong to different models.'),
      );
    if (!isPlainFloat(info))
      throw new UserError(
        'model.quantized',
        l10n.t`${dir}: tensor ${at} is stored as ${info.dtype}, which cannot be used as a weight directly.`,
        l10n.t('Use the original model, or convert this one to float weights.'),
      );
  }
  for (const name of folder.tensors.keys())
    if (!used.has(name) && !Object.values(unused).some((pattern) => pattern.test(name)))
      throw new UserError(
        'model.unexpected-tensor',
        l10n.t`${dir} has a tensor ${quoted(name)} that its config.json does not account for.`,
        l10n.t('Winnow would ignore it. Check that config.json belongs to these weights.'),
      );
}

/**
 * The tensors of a checked model, as float32.
 * @throws UserError `file.*`
 */
export async function readParameters(
  folder: ModelFolder,
  { shapes, stored }: Pick<Inventory, 'shapes' | 'stored'>,
): Promise<Record<string, HostTensor<'float32'>>> {
  const parameters: Record<string, HostTensor<'float32'>> = {};
  for (const [name, shape] of shapes)
    parameters[name] = f32(shape, await folder.readFloat32(stored?.get(name) ?? name));
  return parameters;
}

/** Elements that are compared at once. */
const COMPARED = 2 ** 20;

/** Whether two tensors of a folder hold the same numbers, whatever they are stored as. @throws UserError `file.*` */
export async function sameNumbers(folder: ModelFolder, a: string, b: string): Promise<boolean> {
  const [first, second] = [folder.tensors.get(a)!, folder.tensors.get(b)!];
  if (first.shape.join() !== second.shape.join()) return false;
  const [from, to] = [first, second].map((info) => valueDtype(info, folder.name)) as [Dtype, Dtype];
  const others = folder.chunks(b, COMPARED * DTYPE_BYTES[to]);
  for await (const chunk of folder.chunks(a, COMPARED * DTYPE_BYTES[from])) {
    const other = await others.next();
    if (other.done) return false;
    const values = decodeToFloat32(to, other.value);
    if (!decodeToFloat32(from, chunk).every((value, i) => value === values[i])) return false;
  }
  return true;
}
