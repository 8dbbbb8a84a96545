import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { PartError, readPart } from './part';
import type { Normalizer, Stretch } from './text';

const Settings = z.strictObject({ precompiled_charsmap: z.string() });

/**
 * The rules that a SentencePiece model carries in binary: the length of a double-array trie in bytes, the trie (as in Darts),
 * and the texts that it points into, each ended by a zero byte. @throws PartError
 */
export function precompiled(json: unknown, part: string): Normalizer {
  const bytes = Buffer.from(readPart(part, Settings, json).precompiled_charsmap, 'base64');
  const size = bytes.length < 4 ? -1 : bytes.readUInt32LE(0);
  if (size < 0 || size % 4 !== 0 || 4 + size > bytes.length)
    throw new PartError(part, l10n.t('its precompiled_charsmap is truncated'));
  const units = Uint32Array.from({ length: size / 4 }, (_, i) => bytes.readUInt32LE(4 + 4 * i));
  const rules = new Rules(units, bytes.subarray(4 + size));
  return (stretch) => apply(rules, stretch);
}

/** Every cluster of characters that a reader takes for one. */
const CLUSTERS = new Intl.Segmenter('en', { granularity: 'grapheme' });
/** Texts in which each character is a cluster of its own, as nearly all are: to find clusters is slow. */
const PLAIN =
  /^(?:[^\p{M}\p{Cf}\p{Lo}\p{Lm}\p{Emoji_Modifier}\p{Regional_Indicator}\r]|[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}])*$/u;

/** Longer clusters have no rule, their characters have. In bytes. */
const MAX_CLUSTER = 5;

/**
 * As in the library, a cluster that *begins* with what has a rule is replaced as a whole: a letter with a mark may lose the
 * mark.
 */
function apply(rules: Rules, { text, lead }: Stretch): Stretch {
  const plain = PLAIN.test(text);
  const output = new Output(lead);
  for (const cluster of plain ? text : segments(text)) {
    const rule = Buffer.byteLength(cluster) <= MAX_CLUSTER ? rules.of(cluster) : undefined;
    if (rule !== undefined) output.replace(cluster, rule);
    else for (const character of cluster) output.replace(character, rules.of(character) ?? character);
  }
  return { text: output.text, lead: output.lead };
}

function* segments(text: string): Generator<string> {
  for (const { segment } of CLUSTERS.segment(text)) yield segment;
}

/**
 * The new text, and how much of it stems from the first `lead` units of the old one. The library reckons character by
 * character, and takes the characters that are dropped before the first one that stays for not there.
 */
class Output {
  text = '';
  lead = 0;
  /** Units of the old text that have been read, as the library reckons. */
  #read = 0;

  constructor(private readonly oldLead: number) {}

  replace(old: string, fresh: string): void {
    if (this.#read < this.oldLead) {
      const before = Array.from(old);
      const after = Array.from(fresh);
      for (const [i, character] of after.entries()) {
        // Where more characters are put in than there were, the last are the ones that are new.
        const source = Math.min(i, before.length - 1);
        const at = this.#read + before.slice(0, source).join('').length;
        if (at < this.oldLead) this.lead += character.length;
      }
    }
    if (fresh !== '' || this.text !== '') this.#read += old.length;
    this.text += fresh;
  }
}

class Rules {
  readonly #known = new Map<string, string | undefined>();

  constructor(
    private readonly units: Uint32Array,
    private readonly texts: Buffer,
  ) {}

  /** The text that stands for the shortest beginning of `text` that has a rule; nothing where none has. */
  of(text: string): string | undefined {
    if (this.#known.has(text)) return this.#known.get(text);
    const rule = this.#find(text);
    if (this.#known.size < 2 ** 16) this.#known.set(text, rule);
    return rule;
  }

  #find(text: string): string | undefined {
    let at = offsetOf(this.units[0] ?? 0);
    for (const byte of Buffer.from(text)) {
      if (byte === 0) return undefined;
      at ^= byte;
      const unit = this.units[at] ?? 0;
      if ((unit & 0x800000ff) >>> 0 !== byte) return undefined;
      at ^= offsetOf(unit);
      if ((unit >>> 8) & 1) return this.#textAt((this.units[at] ?? 0) & 0x7fffffff);
    }
    return undefined;
  }

  #textAt(start: number): string {
    const end = this.texts.indexOf(0, start);
    return this.texts.toString('utf8', start, end < 0 ? undefined : end);
  }
}

const offsetOf = (unit: number): number => (unit >>> 10) << ((unit & 0x200) >>> 6);
