/** Replaces removed text; names and values never span it. */
export const GAP = '\ue000';

/** Log prefixes, and what is never a metric, in the order of removal. */
const NOISE: readonly RegExp[] = [
  // Addresses, and glog's `I0102 10:00:00.123456 1234 solver.cpp:228]`.
  /\b[a-z][a-z\d+.-]*:\/\/\S+/gi,
  /^[IWEF]\d{4} \d\d:\d\d:\d\d(?:\.\d+)?\s+\d+ \S+:\d+\]/g,
  // Dates and times: `2024-01-02T10:00:00,123Z`, `01/02 10:00:00`, `[00:10<00:12`, `1 day, 2:03:04`.
  /(?<![\w.])\d{4}([-/.])\d{1,2}\1\d{1,2}(?:[T_ ]\d{1,2}:\d{2}(?::\d{2}(?:[.,:]\d+)?)?)?(?:Z|\s?[+-]\d{2}:?\d{2})?(?![\w.])/g,
  /(?<![\w./])\d{1,2}\/\d{1,2}(?:\/\d{2,4})?[ T]+(?=\d{1,2}:\d{2})/g,
  /(?<![\w.])\d{1,2}-\d{1,2}[ T](?=\d{1,2}:\d{2}:)/g,
  /\b\d+ days?, (?=\d{1,2}:\d{2})/g,
  /(?<![\p{L}\p{N}_.:,-])\d{1,3}:\d{2}(?::\d{2})?(?:[.,]\d+)?(?:\s?[AP]M\b)?(?![\p{L}\p{N}_:])/gu,
  // `train.py:12`, `logging.py:96:log_dist`, loguru's `__main__:train:45`.
  /(?<!\w)[\w./\\<>-]*\.(?:py|pyx|cc|cpp|cxx|c|h|hpp|cu|cuh|js|mjs|cjs|ts|rs|go|jl|r|java|kt|scala|lua|swift|cs|rb|ipynb|m):\d+(?::\w+)?/gi,
  /(?<![\w.])[A-Za-z_][\w.]*:[\w<>.]+:\d+(?= - | \| |\])/g,
  // Levels: `INFO:root:`, `[INFO]`, `[LightGBM] [Info]`.
  /(?<![\w-])(?:DEBUG|INFO|WARN(?:ING)?|ERROR|CRITICAL|FATAL|TRACE|NOTICE|SUCCESS):[A-Za-z_][\w.]*:/g,
  /(?<![\w-])(?:DEBUG|INFO|WARN(?:ING)?|ERROR|CRITICAL|FATAL|TRACE|NOTICE|SUCCESS)(?=$|[\s:|\]>)-])/g,
  /\[(?:debug|info|warn(?:ing)?|error|lightgbm)\]/gi,
  // Process IDs, devices, hosts.
  /\bpid\s?[=:]?\s?\d+/gi,
  /\b(?:cuda|xpu|mps|gpu|tpu|npu|hpu|cpu|localhost):\d+/gi,
  /(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?(?![\w.])/g,
];

/** Which of several processes printed a line: `[rank0]:`, `[default1]:`, `[1,3]<stdout>:`, `[Rank 0]`, `rank=2`, `[GPU0]`. */
const RANKS: readonly RegExp[] = [
  /^\s*\[(?:rank|default|gpu|worker|process|proc)[\s:_-]?(\d+)\]:?/i,
  /^\s*[[(]?(?:gpu|process|proc|device|node)[\s:#]*(\d+)[\])]?(?![\w.])[:,]?/i,
  /^\s*\[\d+,(\d+)\]<std(?:out|err)>:/i,
  /(?<!\w)[[(]?(?:local[ _])?rank\s?[=: ]?\s?(\d+)(?:\/\d+)?[\])]?(?![\w.])[:,]?/i,
];

/** `0: loss 0.5`, `[0] loss 0.5`: a rank under srun, or a step. */
const NUMBERED = /^\s*(?:\[(\d+)\]|(\d+):)\s/;

export interface Quieted {
  /** The line without log prefixes. */
  readonly text: string;
  readonly rank?: number;
  /** A number at the start of the line, also removed. */
  readonly numbered?: { readonly number: number; readonly tab: boolean };
}

export function quiet(line: string): Quieted {
  let text = line;
  let rank: number | undefined;
  for (const pattern of RANKS) {
    text = text.replace(pattern, (_all, digits: string) => {
      rank ??= Number(digits);
      return ` ${GAP} `;
    });
    if (rank !== undefined) break;
  }
  for (const pattern of NOISE) text = text.replace(pattern, ` ${GAP} `);
  const numbered = NUMBERED.exec(text);
  if (!numbered) return { text, ...(rank !== undefined && { rank }) };
  const number = Number(numbered[1] ?? numbered[2]);
  return {
    text: text.slice(numbered[0].length),
    numbered: { number, tab: numbered[0].endsWith('\t') },
    ...(rank !== undefined && { rank }),
  };
}
