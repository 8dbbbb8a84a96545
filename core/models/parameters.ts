import type { openModelFolder } from '../checkpoint/model-folder';
import { f32, type HostTensor } from '../engine/host';
import { UserError } from '../errors';

type ModelFolder = Awaited<ReturnType<typeof openModelFolder>>;

/**
 * The tensors of a model, as float32.
 * @param dir the folder as its user knows it, for sentences
 * @param shapes what its `config.json` asks for, by name
 * @param stored names in the folder of those that it calls otherwise
 * @throws UserError `model.missing-tensor`, `model.wrong-shape`
 */
export async function readParameters(
  folder: ModelFolder,
  dir: string,
  shapes: ReadonlyMap<string, readonly number[]>,
  stored: ReadonlyMap<string, string> = new Map(),
): Promise<Record<string, HostTensor<'float32'>>> {
  const parameters: Record<string, HostTensor<'float32'>> = {};
  for (const [name, shape] of shapes) {
    const at = stored.get(name) ?? name;
    const info = folder.tensors.get(at);
    if (!info)
      throw new UserError(
        'model.missing-tensor',
        `${dir} has no tensor ${name}, which its config.json asks for.`,
        'Is the download complete?',
      );
    if (info.shape.join() !== shape.join())
      throw new UserError(
        'model.wrong-shape',
        `${dir}: tensor ${at} has shape [${info.shape.join(', ')}] where config.json asks for [${shape.join(', ')}].`,
        'The weights and the config belong to different models.',
      );
    parameters[name] = f32(shape, await folder.readFloat32(at));
  }
  return parameters;
}
