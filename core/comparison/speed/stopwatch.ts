import { fork, type ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { shipped } from '../../shipped';
import type { Answer, Question, Subject } from './protocol';

/** Medians of what was timed. */
export interface Speed {
  /** Seconds of a step of the model, over its batch. */
  readonly train: number;
  readonly infer: number;
  /** Median over the rounds of the baseline's time by that of the model, minus one. */
  readonly trainGain: number;
  readonly inferGain: number;
  /** Largest resident memory that training added to the process, bytes. */
  readonly memoryBytes: number;
}

/** The first steps compile, fill the memory and find their speed. */
const WARM_UP = 2;
/** Threads of a model that has just run spin for some milliseconds, and would be in the way of the other. */
const REST_MS = 20;

/**
 * Times a model in turns with the baseline, each in a process of its own, so that whatever else the machine does happens
 * to both.
 */
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
        // Who goes first takes turns as well.
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

/** A stopwatch process; one question at a time. */
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

/** The bundled `stopwatch.js`, which lies in `dist/` or the extension's folder of programs. */
function program(): string {
  const found = shipped('stopwatch.js');
  if (found !== undefined) return found;
  throw new UserError(
    'speed.no-program',
    l10n.t('The program that measures speed is missing.'),
    l10n.t('Install Winnow again.'),
  );
}
