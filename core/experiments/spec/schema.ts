import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { PRECISIONS, PROVIDERS } from '../../engine/runtime/runtime';
import type { Method } from '../method';
import type { FormerKeys } from './former-keys';
import type { Registry } from '../registry';

/** The keys that every spec has, regardless of its method. */
export const commonKeys = z.object({
  $schema: z.string().optional().describe('The JSON schema that editors use for this file.'),
  name: z.string().min(1).max(80).optional().describe('The name of the run in lists. Default: the name of the file.'),
  method: z.string().describe('What the run does.'),
  seed: z
    .int()
    .nonnegative()
    .default(0)
    .describe('Seed of everything random in the run; the same seed gives the same bits.'),
  device: z
    .strictObject({
      provider: z
        .enum(PROVIDERS)
        .default('cpu')
        .describe(
          `The device to compute on: an execution provider of ONNX Runtime (${PROVIDERS.filter(
            (name) => name !== 'tensorflow',
          )
            .map((name) => `'${name}'`)
            .join(
              ', ',
            )}), or 'tensorflow', where @tensorflow/tfjs-node-gpu is installed. "winnow devices" says which of them work here.`,
        ),
      threads: z.int().positive().max(1024).optional().describe('CPU threads to use. Default: one per core.'),
      tf32: z
        .boolean()
        .optional()
        .describe(
          "Whether an NVIDIA GPU (providers 'cuda' and 'tensorflow') may round the factors of float32 matrix products to TF32, with 10 bits of precision instead of 23: several times faster on GPUs since Ampere. Default: yes, unless NVIDIA_TF32_OVERRIDE is 0 where the run starts.",
        ),
      precision: z
        .enum(PRECISIONS, {
          error: ({ input }) =>
            input === 'bfloat16'
              ? l10n.t('no provider computes all of a training step in bfloat16; use float16')
              : undefined,
        })
        .optional()
        .describe(
          "What training steps compute matrix products and activations in. 'float16' (providers 'cuda' and 'webgpu'): half the memory of activations, and faster where the GPU has units for it. Weights, moments, norms, softmax and losses stay float32, and the loss is scaled, so that small gradients are not lost. Evaluations are in float32. Default: 'float32'.",
        ),
    })
    .prefault({})
    .describe('Where the run computes.'),
  target: z
    .string()
    .min(1)
    .optional()
    .describe('The machine to run on: the name of a remote ("winnow remote list"). Default: this machine.'),
  notes: z.string().optional().describe('Why this run was made: free text, stored with it.'),
  tags: z.array(z.string()).optional().describe('Labels to find the run by.'),
});

/** The part of JSON schema (draft 7) that we use, as `z.toJSONSchema` writes it. */
export type JsonSchema = z.core.JSONSchema.JSONSchema;

/** Like `z.toJSONSchema`, but objects refuse unknown keys, so that a misspelled setting does not go unnoticed. */
function strictSchema(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, {
    target: 'draft-07',
    io: 'input',
    override: ({ jsonSchema }) => {
      if (jsonSchema.type === 'object' && jsonSchema.properties) jsonSchema.additionalProperties ??= false;
    },
  });
}

/** All keys of a spec of this method. */
export function methodSchema(method: Method): JsonSchema & { properties: Record<string, JsonSchema | boolean> } {
  const common = strictSchema(commonKeys);
  const own = strictSchema(method.config);
  const clash = Object.keys(own.properties ?? {}).find((key) => key in commonKeys.shape);
  if (clash !== undefined)
    throw new Error(`Method ${method.name} has a setting "${clash}", which is a key of every spec.`);
  return {
    type: 'object',
    description: method.summary,
    properties: {
      ...common.properties,
      method: { const: method.name, description: method.summary },
      ...own.properties,
    },
    required: ['method', ...(own.required ?? [])],
    additionalProperties: false,
  };
}

/** Also allows former keys: VS Code strikes them out and names the current ones. */
function withFormerKeys(schema: JsonSchema, former: FormerKeys = {}): JsonSchema {
  const result = structuredClone(schema);
  for (const [place, name] of Object.entries(former)) {
    const path = place.split('.');
    const key = path.pop()!;
    const parent = path.reduce<JsonSchema>((at, step) => {
      const inner = step === '*' ? at.items : at.properties?.[step];
      if (typeof inner !== 'object' || Array.isArray(inner)) throw new RangeError(`the schema has no ${place}`);
      return inner;
    }, result);
    const setting = parent.properties?.[name];
    if (typeof setting !== 'object') throw new RangeError(`the schema has no ${name} at ${place}`);
    parent.properties![key] = { ...setting, deprecationMessage: `Now called "${name}".`, doNotSuggest: true };
    if (!parent.required?.includes(name)) continue;
    parent.required = parent.required.filter((one) => one !== name);
    parent.allOf = [...(parent.allOf ?? []), { anyOf: [{ required: [name] }, { required: [key] }] }];
  }
  return result;
}

/** JSON schema (draft 7) of `*.winnow.json` for editors: the common keys, and the settings of each method. */
export function specJsonSchema(registry: Registry): JsonSchema {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Winnow spec',
    type: 'object',
    properties: {
      ...strictSchema(commonKeys).properties,
      method: {
        description: 'What the run does.',
        enum: registry.methods.map((method) => method.name),
        enumDescriptions: registry.methods.map((method) => method.summary),
      },
    },
    required: ['method'],
    allOf: registry.methods.map((method) => ({
      if: { properties: { method: { const: method.name } }, required: ['method'] },
      then: withFormerKeys(methodSchema(method), method.formerKeys),
    })),
    allowComments: true,
    allowTrailingCommas: true,
  };
}

/** A key that the schema does not have, and the keys that could have been meant. */
export interface UnknownKey {
  readonly path: readonly (string | number)[];
  readonly known: readonly string[];
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The alternatives of a union that are compatible with the constants in the value (`{"kind": "linear", …}`). */
function alternatives(schema: JsonSchema, value: unknown): JsonSchema[] {
  const branches = (schema.anyOf ?? schema.oneOf ?? []).filter((branch) => typeof branch === 'object');
  if (branches.length === 0) return [schema];
  return branches.filter((branch) =>
    Object.entries(branch.properties ?? {}).every(
      ([key, property]) =>
        typeof property !== 'object' ||
        property.const === undefined ||
        !isObject(value) ||
        value[key] === property.const,
    ),
  );
}

/** The first key in `value` that its schema does not have, depth first. */
export function findUnknownKey(
  schema: JsonSchema,
  value: unknown,
  path: readonly (string | number)[] = [],
): UnknownKey | undefined {
  const candidates = alternatives(schema, value);
  if (Array.isArray(value)) {
    const items = candidates.map((candidate) => candidate.items).find((item) => typeof item === 'object');
    if (!items || Array.isArray(items)) return undefined;
    for (const [index, item] of value.entries()) {
      const unknown = findUnknownKey(items, item, [...path, index]);
      if (unknown) return unknown;
    }
    return undefined;
  }
  const objects = candidates.filter((candidate) => candidate.properties);
  if (!isObject(value) || objects.length === 0) return undefined;
  const open = objects.some((candidate) => candidate.additionalProperties !== false);
  const known = [...new Set(objects.flatMap((candidate) => Object.keys(candidate.properties ?? {})))];
  for (const [key, inner] of Object.entries(value)) {
    if (!known.includes(key)) {
      if (open) continue;
      return { path: [...path, key], known };
    }
    for (const candidate of objects) {
      const property = candidate.properties?.[key];
      const unknown = typeof property === 'object' ? findUnknownKey(property, inner, [...path, key]) : undefined;
      if (unknown && objects.length === 1) return unknown;
    }
  }
  return undefined;
}
