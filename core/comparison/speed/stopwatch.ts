import { fork, type ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { shipped } from '../../shipped';
import type { Answer, Question, Subject } from './protocol';

/** Medians of the measurements. */
export interface Speed {
  /** Seconds per step of the model, over a batch. */
  readonly train: number;
  readonly infer: number;
  /** Median over the rounds of the baseline's time divided by the model's, minus one. */
  readonly trainGain: number;
  readonly inferGain: number;
  /** Peak resident memory that training added to the process, in bytes. */
  readonly memoryBytes: number;
}

/** The first steps compile and allocate, so they are not measured. */
const WARM_UP = 2;
/** Threads of the model that just ran spin for some milliseconds and would slow the other one down. */
const REST_MS = 20;

/** Times a model in turns with the baseline, each in its own process, so that other load on the machine affects both. */
export async function timeInTurns(
  baseline: Subject,
  subject: Subject,
  rounds: number,
  signal?: AbortSignal,
): Promise<Speed> {
  const processes = [new TimedProcess(), new TimedProcess()] as const;
  const abort = () => {
    for (const one of processes) one.end();
  };
  signal?.addEventListener('abort', abort, { once: true });
  try {
    await Promise.all([
      processes[0].ask({ ask: 'prepare', subject: baseline }),
      processes[1].ask({ ask: 'prepare', subject }),
    ]);
    const measure = async (what: 'train' | 'infer') => {
      const times: [number[], number[]] = [[], []];
      for (let round = -WARM_UP; round < rounds; round++)
        // Alternates which model goes first.
        for (const i of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
          const seconds = await processes[i].ask({ ask: what });
          if (round >= 0) times[i].push(seconds);
          await sleep(REST_MS);
        }
      return { own: median(times[1]), gain: median(times[0].map((base, i) => base / times[1][i]!)) - 1 };
    };
    const train = await measure('train');
    const memoryBytes = await processes[1].ask({ ask: 'memory' });
    const infer = await measure('infer');
    return { train: train.own, infer: infer.own, trainGain: train.gain, inferGain: infer.gain, memoryBytes };
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
    abort();
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** A stopwatch process; one request at a time. */
class TimedProcess {
  readonly #child: ChildProcess;

  constructor() {
    this.#child = fork(program(), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], execArgv: [] });
  }

  ask(question: Question): Promise<number> {
    return new Promise((resolve, reject) => {
      const exited = () => {
        reject(new Error('the process that measures speed ended'));
      };
      this.#child.once('exit', exited);
      this.#child.once('error', reject);
      this.#child.once('message', (answer: Answer) => {
        this.#child.off('exit', exited);
        this.#child.off('error', reject);
        if ('value' in answer) resolve(answer.value);
        else reject(new Error(answer.problem));
      });
      if (this.#child.exitCode !== null) exited();
      else this.#child.send(question);
    });
  }

  end(): void {
    this.#child.kill();
  }
}

/** Path of the bundled `stopwatch.js`, in `dist/` or the extension's folder of programs. */
function program(): string {
  const found = shipped('stopwatch.js');
  if (found !== undefined) return found;
  throw new UserError(
    'speed.no-program',
    l10n.t('The program that measures speed is missing.'),
    l10n.t('Install Winnow again.'),
  );
}
