import * as l10n from '@vscode/l10n';
import { UserError } from '../errors';
import { sentence } from '../engine/runtime/ort-message';
import { stagedVariable, type Installable } from '../engine/runtime/installed';
import { execute } from './execute';

/** What the verifier prints: the numbers of a known training, or why there are none. */
export type Verification =
  { readonly numbers: readonly number[]; readonly gpu: boolean } | { readonly problem: string };

/** How far numbers may be apart, as a share: GPUs sum in another order, and compute sines with fewer digits. */
const TOLERANCE = 1e-3;

/**
 * Computes a known training on a runtime and on the CPU, each in a process of its own, and compares every loss and gradient norm.
 * @param verifier the program `verifier.js`
 * @param folder of the runtime
 * @returns whether it computed on a GPU
 * @throws UserError `runtime.wrong` with the reason
 */
export async function verify(
  verifier: string,
  name: Installable,
  folder: string,
  signal?: AbortSignal,
): Promise<boolean> {
  const ask = async (provider: string, env: NodeJS.ProcessEnv): Promise<Verification> => {
    const { stdout, code, killed, output } = await execute(process.execPath, [verifier, provider], {
      env: { ...env, ELECTRON_RUN_AS_NODE: '1' },
      signal,
    });
    const line = stdout.trimEnd().split('\n').at(-1) ?? '';
    try {
      return JSON.parse(line) as Verification;
    } catch {
      const said = output.trim().split('\n').at(-1) ?? '';
      return {
        problem: l10n.t`The test process ended with ${killed ?? code ?? '?'}${said === '' ? '' : `: ${said}`}`,
      };
    }
  };
  const expected = await ask('cpu', {});
  const actual = await ask(name, { [stagedVariable(name)]: folder });
  for (const one of [expected, actual]) if ('problem' in one) throw wrong(sentence(one.problem));
  if (!('numbers' in expected) || !('numbers' in actual)) throw new Error('both have numbers');
  const off = expected.numbers.findIndex(
    (value, i) => !(Math.abs(actual.numbers[i]! - value) <= TOLERANCE * (1 + Math.abs(value))),
  );
  if (off >= 0 || actual.numbers.length !== expected.numbers.length)
    throw wrong(
      l10n.t`A short test training gives ${actual.numbers[off] ?? '?'} with this runtime, but ${expected.numbers[off] ?? '?'} on the CPU.`,
    );
  return actual.gpu;
}

const wrong = (why: string) =>
  new UserError(
    'runtime.wrong',
    l10n.t`The runtime failed verification. ${why}`,
    l10n.t('"winnow devices" shows what works here.'),
  );
