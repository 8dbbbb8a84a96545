import * as z from 'zod';
import { bytesOf } from './byte-text';
import { makePart, NoSettings, readPart } from './part';
import { readPattern, spansOf } from './pattern';
import { readMetaspace } from './pre-tokenizers';

/** Turns tokens into the pieces of a text. */
export type Decoder = (tokens: readonly string[]) => readonly string[];

const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });
const STRICT_UTF8 = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });

/** @throws PartError */
export const readDecoder = (json: unknown): Decoder =>
  makePart<Decoder>('decoder', json, {
    BPEDecoder: bpe,
    ByteFallback: simple(byteFallback),
    ByteLevel: byteLevel,
    CTC: ctc,
    Fuse: simple((tokens) => [tokens.join('')]),
    Metaspace: metaspace,
    Replace: replace,
    Sequence: sequence,
    Strip: strip,
    WordPiece: wordPiece,
  });

function simple(decoder: Decoder) {
  return (settings: unknown, part: string) => {
    readPart(part, NoSettings, settings);
    return decoder;
  };
}

function sequence(settings: unknown, part: string): Decoder {
  const { decoders } = readPart(part, z.strictObject({ decoders: z.array(z.unknown()) }), settings);
  const made = decoders.map(readDecoder);
  return (tokens) => made.reduce((result, decode) => decode(result), tokens);
}

/** These settings do not affect decoding. */
const ByteLevel = z.strictObject({
  add_prefix_space: z.boolean().optional(),
  trim_offsets: z.boolean().optional(),
  use_regex: z.boolean().optional(),
});

function byteLevel(settings: unknown, part: string): Decoder {
  readPart(part, ByteLevel, settings);
  return (tokens) => [UTF8.decode(Uint8Array.from(tokens.flatMap(bytesOf)))];
}

/** Tokens such as `<0x0A>` are bytes; if a run of bytes is not valid UTF-8, each becomes U+FFFD. */
function byteFallback(tokens: readonly string[]): readonly string[] {
  const pieces: string[] = [];
  const bytes: number[] = [];
  const flush = () => {
    pieces.push(...utf8Pieces(bytes));
    bytes.length = 0;
  };
  for (const token of tokens) {
    // Rust's number parser accepts a plus sign.
    const byte = /^<0x(\+?[0-9A-Fa-f]|[0-9A-Fa-f]{2})>$/.exec(token)?.[1];
    if (byte !== undefined && token.length === 6) bytes.push(parseInt(byte, 16));
    else {
      flush();
      pieces.push(token);
    }
  }
  flush();
  return pieces;
}

function utf8Pieces(bytes: readonly number[]): readonly string[] {
  if (bytes.length === 0) return [];
  try {
    return [STRICT_UTF8.decode(Uint8Array.from(bytes))];
  } catch {
    return bytes.map(() => '\uFFFD');
  }
}

function metaspace(settings: unknown, part: string): Decoder {
  const { replacement, scheme } = readMetaspace(settings, part);
  return (tokens) => tokens.map((token, i) => token.replaceAll(replacement, i === 0 && scheme !== 'never' ? '' : ' '));
}

function bpe(settings: unknown, part: string): Decoder {
  const { suffix } = readPart(part, z.strictObject({ suffix: z.string() }), settings);
  return (tokens) => tokens.map((token, i) => token.replaceAll(suffix, i === tokens.length - 1 ? '' : ' '));
}

function wordPiece(settings: unknown, part: string): Decoder {
  const { prefix, cleanup } = readPart(part, z.strictObject({ prefix: z.string(), cleanup: z.boolean() }), settings);
  return (tokens) =>
    tokens.map((token, i) => {
      const piece = i === 0 ? token : token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`;
      return cleanup ? cleanedUp(piece) : piece;
    });
}

/** Removes the space before English punctuation and contractions. */
const cleanedUp = (text: string) =>
  [' .', ' ?', ' !', ' ,', " ' ", " n't", " 'm", ' do not', " 's", " 've", " 're"].reduce(
    (result, written) => result.replaceAll(written, written === ' do not' ? " don't" : written.trim()),
    text,
  );

function ctc(settings: unknown, part: string): Decoder {
  const Settings = z.strictObject({ pad_token: z.string(), word_delimiter_token: z.string(), cleanup: z.boolean() });
  const { pad_token: pad, word_delimiter_token: delimiter, cleanup } = readPart(part, Settings, settings);
  return (tokens) =>
    tokens
      .filter((token, i) => i === 0 || token !== tokens[i - 1])
      .map((token) => token.replaceAll(pad, ''))
      .map((token) => (cleanup ? cleanedUp(token).replaceAll(delimiter, ' ') : token))
      .filter((token) => token !== '');
}

function replace(settings: unknown, part: string): Decoder {
  const Settings = z.strictObject({ pattern: z.unknown(), content: z.string() });
  const { pattern, content } = readPart(part, Settings, settings);
  const expression = readPattern(pattern, part);
  return (tokens) =>
    tokens.map((token) =>
      spansOf(expression, token)
        .map(({ start, end, match }) => (match ? content : token.slice(start, end)))
        .join(''),
    );
}

function strip(settings: unknown, part: string): Decoder {
  const Settings = z.strictObject({
    content: z.string(),
    start: z.int().nonnegative(),
    stop: z.int().nonnegative(),
  });
  const { content, start, stop } = readPart(part, Settings, settings);
  return (tokens) =>
    tokens.map((token) => {
      const characters = Array.from(token);
      let from = 0;
      while (from < start && from < characters.length && characters[from] === content) from++;
      let to = characters.length;
      while (characters.length - to < stop && to > from && characters[to - 1] === content) to--;
      return characters.slice(from, to).join('');
    });
}
