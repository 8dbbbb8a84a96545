import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { messageOf, systemCode, UserError } from '../../errors';
import { encoderOf } from './encoder';
import { AddedTokens } from './parts/added-tokens';
import { readDecoder } from './parts/decoders';
import { readModel } from './parts/read-model';
import { readNormalizer } from './parts/normalizers';
import { PartError } from './parts/part';
import { readPreTokenizer } from './parts/pre-tokenizers';
import { readTemplates, type Templates } from './template';

/** Text to token ids and back. */
export interface Tokenizer {
  /** Number of ids: the largest one plus one. */
  readonly vocabSize: number;
  /** Id of the token that ends a document, where the tokenizer has one. */
  readonly eosId?: number;
  /** Id of the token that stands for one to be guessed, where the tokenizer has one. */
  readonly maskId?: number;
  /** Ids of the special tokens: those that no text spells. */
  readonly specialIds?: ReadonlySet<number>;
  /** What stands around one text and around two, where the tokenizer says it. */
  readonly templates?: Templates;
  /** SHA-256 of the definition: equal fingerprints give equal ids. */
  readonly fingerprint: string;
  /** Ids of the text alone: no beginning or end token is added; special tokens written in the text count as such. */
  readonly encode: (text: string) => number[];
  /** The text of the ids, special tokens included; bytes that are not UTF-8 become U+FFFD. */
  readonly decode: (ids: readonly number[] | Int32Array) => string;
}

/** A tokenizer out of a file. */
export interface LoadedTokenizer extends Tokenizer {
  /** Ids that the tokenizer puts before every text. */
  readonly startIds: readonly number[];
  /** What a person should know about it, a sentence each. */
  readonly notes: readonly string[];
  /** A token by its id, where there is one: ids may have gaps. */
  readonly tokenOf: (id: number) => string | undefined;
}

/**
 * Its parts check themselves. `truncation` and `padding` are left out, as transformers does: they are settings of who
 * encodes, and those that the file was saved with would cut a corpus.
 */
const TokenizerFile = z.looseObject({
  version: z.literal('1.0').optional(),
  added_tokens: z.unknown().optional(),
  normalizer: z.unknown().optional(),
  pre_tokenizer: z.unknown().optional(),
  post_processor: z.unknown().optional(),
  decoder: z.unknown().optional(),
  model: z.looseObject({}),
});

const NamedToken = z.union([z.string(), z.looseObject({ content: z.string() })]).nullish();

/** What is read from the `tokenizer_config.json` beside: which tokens begin and end a text. */
const TokenizerConfig = z.looseObject({
  bos_token: NamedToken,
  eos_token: NamedToken,
  /** Of no account to transformers where there is a `tokenizer.json`; told of where the two contradict each other. */
  add_bos_token: z.boolean().nullish(),
});

interface Companions {
  readonly bos?: string | undefined;
  readonly eos?: string | undefined;
  readonly addsBos?: boolean | undefined;
}

/** End-of-text tokens of well-known families, tried in this order where no `tokenizer_config.json` names one. */
const KNOWN_EOS = ['<|endoftext|>', '<|end_of_text|>', '</s>', '<eos>', '<|im_end|>', '[SEP]'];

/** Tokens that stand for one to be guessed, of the families of BERT and RoBERTa. */
const KNOWN_MASKS = ['[MASK]', '<mask>'];

/**
 * Loads a `tokenizer.json`: a file, a model folder that holds one, or the parsed object. Its ids are those of the Hugging
 * Face tokenizers library (0.23); a part that cannot be followed to the letter is refused by its name.
 *
 * @throws UserError `tokenizer.not-found`, `tokenizer.unreadable`, `tokenizer.not-json`, `tokenizer.invalid`,
 *   `tokenizer.unsupported`
 */
export async function loadTokenizer(source: unknown): Promise<LoadedTokenizer> {
  if (typeof source !== 'string') return build(source, l10n.t('The tokenizer'), {});
  const isFolder = await stat(source).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
  const file = isFolder ? path.join(source, 'tokenizer.json') : source;
  return build(
    await readJson(file),
    file,
    await readCompanions(path.join(path.dirname(file), 'tokenizer_config.json')),
  );
}

async function readJson(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') {
      throw new UserError(
        'tokenizer.not-found',
        l10n.t`There is no tokenizer at ${file}.`,
        l10n.t('Give the path of a tokenizer.json, or of a model folder that contains one.'),
        { cause: error },
      );
    }
    throw new UserError('tokenizer.unreadable', l10n.t`${file} cannot be read: ${messageOf(error)}.`, '', {
      cause: error,
    });
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError(
      'tokenizer.not-json',
      l10n.t`${file} is not JSON: ${messageOf(error)}.`,
      l10n.t('It may have been cut off while it was copied: copy or download it again.'),
      { cause: error },
    );
  }
}

async function readCompanions(file: string): Promise<Companions> {
  const exists = await stat(file).then(
    () => true,
    () => false,
  );
  if (!exists) return {};
  const parsed = TokenizerConfig.safeParse(await readJson(file));
  if (!parsed.success) throw invalid(file, z.prettifyError(parsed.error));
  const { bos_token: bos, eos_token: eos, add_bos_token: addsBos } = parsed.data;
  return { bos: contentOf(bos), eos: contentOf(eos), addsBos: addsBos ?? undefined };
}

const contentOf = (token: z.output<typeof NamedToken>) => (typeof token === 'object' ? token?.content : token);

const invalid = (name: string, reason: string, cause?: unknown) =>
  new UserError(
    'tokenizer.invalid',
    l10n.t`${name} is not a tokenizer that Winnow can use: ${reason}.`,
    l10n.t('It must be the tokenizer.json of the Hugging Face tokenizers library.'),
    { cause },
  );

const unsupported = (name: string, { part, reason }: PartError) =>
  new UserError(
    'tokenizer.unsupported',
    l10n.t`${name} cannot be used because of ${part}: ${reason}.`,
    l10n.t(
      'Winnow refuses tokenizers whose ids could differ from those of the tokenizers library: use a model with another tokenizer.',
    ),
  );

function build(json: unknown, name: string, companions: Companions): LoadedTokenizer {
  try {
    return assemble(json, name, companions);
  } catch (error) {
    throw error instanceof PartError ? unsupported(name, error) : error;
  }
}

function assemble(json: unknown, name: string, companions: Companions): LoadedTokenizer {
  const parsed = TokenizerFile.safeParse(json);
  if (!parsed.success) throw invalid(name, z.prettifyError(parsed.error));
  const file = parsed.data;
  const optional = <Part>(part: unknown, read: (json: unknown) => Part) => (part == null ? undefined : read(part));
  const model = readModel(file.model);
  const normalizer = optional(file.normalizer, readNormalizer);
  const steps = optional(file.pre_tokenizer, readPreTokenizer) ?? [];
  const decoder = optional(file.decoder, readDecoder);
  const templates = optional(file.post_processor, readTemplates);
  const added = new AddedTokens(file.added_tokens, model, normalizer);

  const largest = [...model.tokens.keys(), ...added.byId.keys()].reduce((a, b) => Math.max(a, b), -1);
  if (largest < 0) throw invalid(name, l10n.t('its vocabulary is empty'));
  const idOf = (token: string | undefined) =>
    token === undefined ? undefined : (added.idOf(token) ?? model.idOf(token));
  const special = new Map<string, number>();
  for (const [id, token] of added.byId) if (token.special) special.set(token.content, id);

  const eosId = idOf(companions.eos ?? KNOWN_EOS.find((token) => special.has(token)));
  if (companions.eos !== undefined && eosId === undefined)
    throw invalid(
      name,
      l10n.t`its vocabulary lacks the end token ${JSON.stringify(companions.eos)} of tokenizer_config.json`,
    );
  const maskId = idOf(KNOWN_MASKS.find((token) => special.has(token)));
  const startIds = startOf(templates);
  const configured = idOf(companions.bos);
  const starts = configured !== undefined && startIds.includes(configured);
  const conflict = companions.addsBos !== undefined && companions.addsBos !== starts;

  const tokenOf = (id: number) => added.byId.get(id)?.content ?? model.tokens.get(id);
  return {
    vocabSize: largest + 1,
    ...(eosId === undefined ? {} : { eosId }),
    ...(maskId === undefined ? {} : { maskId }),
    specialIds: new Set(special.values()),
    ...(templates === undefined ? {} : { templates }),
    startIds,
    notes: conflict ? [conflictOf(name, companions, starts)] : [],
    fingerprint: createHash('sha256').update(JSON.stringify(json)).digest('hex'),
    tokenOf,
    encode: encoderOf(model, added, normalizer, steps),
    decode: (ids) => {
      const tokens = Array.from(ids, (id) => added.normalForms.get(id) ?? tokenOf(id));
      const known = tokens.filter((token) => token !== undefined);
      return decoder ? decoder(known).join('') : known.join(' ');
    },
  };
}

function conflictOf(name: string, { bos }: Companions, starts: boolean): string {
  const token = bos === undefined ? l10n.t('a start token') : JSON.stringify(bos);
  return starts
    ? l10n.t`${name} begins texts with ${token}, although the tokenizer_config.json next to it says add_bos_token: false. Winnow follows tokenizer.json.`
    : l10n.t`${name} does not begin texts with ${token}, although the tokenizer_config.json next to it says add_bos_token: true. Winnow follows tokenizer.json.`;
}

/** What stands before the text. */
function startOf(templates: Templates | undefined): readonly number[] {
  const start: number[] = [];
  for (const { put } of templates?.single ?? []) {
    if (typeof put !== 'number') break;
    start.push(put);
  }
  return templates ? start : [];
}
