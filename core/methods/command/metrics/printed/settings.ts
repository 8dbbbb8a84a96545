import type { Verdict } from './errors';
import { counterOf, isPlainMetric } from './vocabulary';

/** Names that only settings have. */
const SURE =
  /^(?:(?:\w+_)?batch_?size|bsz|(?:num|n|max|min|total)_(?:train_)?(?:epochs?|steps|iters?|iterations|workers|layers?|heads?|classes|gpus)|epochs|seed|random_(?:seed|state)|weight_?decay|momentum|dropout\w*|label_smoothing\w*|warm_?up\w*|hidden_?(?:size|dim)|embed_?dim|d_model|optim(?:izer)?|scheduler|model(?:_name\w*)?|arch|architecture|dataset|(?:data|output|save|log|cache)_?(?:dir|path)|(?:save|log|eval)\w*_(?:every|interval|steps)|device|patience|min_delta|grad(?:ient)?_?(?:clip\w*|accumulation\w*)|max_grad_norm|adam_\w+|betas?|epsilon|precision|fp16|bf16|dtype)$/i;
/** The beginning of a line or block of settings. */
const HEAD =
  /^[^\p{L}\p{N}]*(?:(?:the|all|using|used|training|train|run|model|experiment|final|resolved|loaded|parsed|command[ -]line)[ _-])*(?:config(?:uration)?s?|cfg|hyper-?\s?param(?:eter)?s?|h_?params|params|parameters|arg(?:ument)?s|options|opts?|settings|flags)\b[^\p{L}\p{N}]*(?=$|[:=({[])/iu;
/** An object with its class name: `Namespace(lr=…`, `TrainingArguments(`. */
const CALL = /(?<![\w.])((?:[A-Za-z_]\w*\.)*[A-Z]\w*)\(\s*(?=$|[A-Za-z_]\w*=)/;
const IS_SETTINGS = /(?:namespace|config(?:uration)?|cfg|args|arguments|params|parameters|options|settings)$/i;
/** A continuation of such an object on the next line. */
const PART = /^\s*(?:[A-Za-z_]\w*=|['"()[\]{}]|-?[\d.]|(?:True|False|None|[A-Z]\w*\()\W)|,\s*$/;
/** `name: value`, `name = value`, `name ....... value`, alone on a line. */
const ENTRY = /^\s*(?:[-*] +)?["']?([A-Za-z_][\w./-]*(?: [A-Za-z_]\w*)?)["']?\s*(?:[:=]|\.{3,})\s*\S*,?$/;
const MOST_LINES = 1_000;

const isSure = (name: string): boolean => SURE.test(name.split(/[./]/).at(-1) ?? '');

/** Recognizes printed settings, which are not metrics: objects by their class names, configurations over several lines. */
export class Settings {
  /** Number of open brackets of an object. */
  #depth = 0;
  /** Whether a block is open, and whether a heading opened it, so that every indented line belongs to it. */
  #block: boolean | 'headed' = false;
  #lines = 0;

  take(line: string): Verdict {
    if (this.#depth > 0 && this.#lines++ < MOST_LINES && PART.test(line)) {
      this.#depth += opened(line);
      return 'none';
    }
    this.#depth = 0;
    const call = CALL.exec(line);
    if (call) {
      const sure = IS_SETTINGS.test(call[1] ?? '');
      if (sure || !/metric|result|output|report|stat|score|summary|loss/i.test(call[1] ?? '')) {
        this.#depth = Math.max(0, opened(line.slice(call.index)));
        this.#lines = 0;
        return sure ? 'none' : 'unsure';
      }
    }
    if (HEAD.test(line)) {
      this.#block = 'headed';
      // An object that begins here must be collected first.
      return /[{]\s*$/.test(line) ? undefined : 'none';
    }
    return this.#entry(line);
  }

  /** Call when metrics were read: the training continues. */
  over(): void {
    this.#block = false;
  }

  #entry(line: string): Verdict {
    const name = ENTRY.exec(line)?.[1]?.replaceAll(' ', '_');
    if (name === undefined) {
      // A line of dashes between the heading and the settings does not end the block.
      if (/[\p{L}\p{N}]/u.test(line) || line.trim() === '') this.#block = false;
      return undefined;
    }
    if (isSure(name)) this.#block ||= true;
    else if (isPlainMetric(name) && !(this.#block === 'headed' && /^\s/.test(line))) this.#block = false;
    return this.#block ? (isSure(name) ? 'none' : 'unsure') : undefined;
  }
}

/**
 * Whether values printed together are settings, judging by their names: two that are surely settings, or one and no metric.
 */
export function areSettings(names: readonly string[]): boolean {
  if (names.some((name) => counterOf(name)?.plural === false)) return false;
  const sure = names.filter(isSure).length;
  return sure > 1 || (sure === 1 && !names.some(isPlainMetric));
}

function opened(text: string): number {
  const bare = text.replaceAll(/"[^"]*"|'[^']*'/g, '');
  return bare.split(/[([{]/).length - bare.split(/[)\]}]/).length;
}
