import { spawnSync } from 'node:child_process';
import * as z from 'zod';

/** The Python package tokenizers: the Rust library whose ids ours are. */

export const PYTHON = process.env.WINNOW_PYTHON ?? 'python3';
const hasTokenizers = spawnSync(PYTHON, ['-c', 'import tokenizers'], { stdio: 'ignore' }).status === 0;

/** Why tests that need the library are skipped, or false. */
export const skip = hasTokenizers ? false : `${PYTHON} has no package "tokenizers" (set WINNOW_PYTHON to one that has)`;

const SCRIPT = `
import json, sys
from tokenizers import Tokenizer
def attempt(make):
    try: return make()
    except BaseException as error: return {'error': str(error)[:300]}
out = []
for case in json.load(sys.stdin):
    tokenizer = attempt(lambda: Tokenizer.from_str(json.dumps(case['json'])))
    if isinstance(tokenizer, dict): out.append(tokenizer); continue
    results = []
    for text in case['texts']:
        text = text.encode('utf-16', 'surrogatepass').decode('utf-16', 'replace')
        ids = attempt(lambda: tokenizer.encode(text, add_special_tokens=False).ids)
        results.append({'ids': ids, 'decoded': None if isinstance(ids, dict) else attempt(lambda: tokenizer.decode(ids, skip_special_tokens=False))})
    out.append(results)
json.dump(out, sys.stdout)
`;

const Failure = z.object({ error: z.string() });
const Result = z.object({
  ids: z.union([z.array(z.int()), Failure]),
  decoded: z.union([z.string(), Failure, z.null()]),
});
const Results = z.array(z.union([Failure, z.array(Result)]));

export interface LibraryCase {
  readonly json: unknown;
  readonly texts: readonly string[];
}

/** What the library makes of texts: by case, an error of loading, or the ids and their text. */
export function encodeInLibrary(cases: readonly LibraryCase[]): z.output<typeof Results> {
  const run = spawnSync(PYTHON, ['-c', SCRIPT], {
    input: JSON.stringify(cases),
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
    // The library prints a stack for every text that it fails on.
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  if (run.status !== 0) throw new Error(`${PYTHON} ended with ${run.signal ?? run.status}`);
  return Results.parse(JSON.parse(run.stdout));
}
