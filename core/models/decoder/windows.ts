import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';

interface WindowKeys {
  readonly model_type: 'llama' | 'mistral' | 'qwen2';
  readonly num_hidden_layers: number;
  readonly max_position_embeddings: number;
  readonly sliding_window?: number | null | undefined;
  readonly use_sliding_window?: boolean | null | undefined;
  readonly max_window_layers: number;
  readonly layer_types?: readonly ('full_attention' | 'sliding_attention')[] | null | undefined;
}

/**
 * How many tokens each layer attends to, as the family's class in transformers decides it: never fewer than all in a Llama, a
 * window in every layer of a Mistral, and in a Qwen2 where a switch is on, in the layers that `layer_types` names, or from
 * `max_window_layers` on. Keys that another program would honor and that class does not are refused where they matter.
 * @returns undefined for a layer that attends to all tokens before
 * @throws UserError `model.config`
 */
export function readWindows(keys: WindowKeys): (layer: number) => number | undefined {
  const { model_type: type, num_hidden_layers: layers, layer_types: types } = keys;
  const size = keys.sliding_window ?? undefined;
  const matters = size !== undefined && size < keys.max_position_embeddings;
  if (types && types.length !== layers)
    throw refused(l10n.t`layer_types names ${types.length} layers, but num_hidden_layers is ${layers}`);
  const declared = (layer: number) => types?.[layer] === 'sliding_attention';
  const anySliding = types?.includes('sliding_attention') ?? false;
  switch (type) {
    case 'llama':
      if (anySliding) throw refused(l10n.t('layer_types has sliding_attention, which llama does not support'));
      if (matters && keys.use_sliding_window !== false && !types)
        throw refused(l10n.t`sliding_window is ${size}, which llama does not support`);
      return () => undefined;
    case 'mistral':
      if (matters && keys.use_sliding_window === false)
        throw refused(l10n.t('use_sliding_window is false, but mistral always uses its sliding_window'));
      if (types && (size === undefined ? anySliding : matters && types.includes('full_attention')))
        throw refused(l10n.t('layer_types and sliding_window disagree about some layers'));
      return () => size;
    case 'qwen2': {
      const on = keys.use_sliding_window === true && size !== undefined;
      if (anySliding && !on) throw refused(l10n.t('layer_types has sliding_attention, but the sliding window is off'));
      return (layer) => (on && (types ? declared(layer) : layer >= keys.max_window_layers) ? size : undefined);
    }
  }
}

const refused = (what: string) =>
  new UserError('model.config', l10n.t`config.json: ${what}.`, l10n.t('Correct the wrong one in config.json.'));
