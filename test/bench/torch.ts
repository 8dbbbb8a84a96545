import type { ChildProcessByStdio } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Interface } from 'node:readline';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import * as z from 'zod';
import { float32Tensor, writeSafetensors } from '../../core/checkpoint/safetensors-writer';
import type { HostTensor } from '../../core/engine/host';
import type { Named } from '../../core/engine/optimizer';
import { THREADS } from './model';
import type { Subject } from './subject';

const Hello = z.object({ torch: z.string(), threads: z.number() });
const Steps = z.object({
  seconds: z.array(z.number()),
  loss: z.array(z.number()),
  gradientNorm: z.array(z.number()),
});

/** The same training step in PyTorch (torch_step.py), in a process of its own that answers line by line. */
export class TorchTraining {
  readonly seconds: number[] = [];
  readonly losses: number[] = [];
  readonly gradientNorms: number[] = [];

  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: Interface;

  private constructor(
    readonly version: string,
    child: ChildProcessByStdio<Writable, Readable, null>,
    lines: Interface,
  ) {
    this.#child = child;
    this.#lines = lines;
  }

  /**
   * Writes the weights and the batches, and starts Python on them.
   * @param folder for the files
   * @param where `cuda` for a GPU, and whether the model is compiled
   * @returns the reason where there is no Python with torch, or no GPU for it
   */
  static async start(
    folder: string,
    { architecture, config, optimizer, schedule, parameters, batches }: Subject,
    where: { readonly device: 'cpu' | 'cuda'; readonly compile: boolean } = { device: 'cpu', compile: false },
  ): Promise<TorchTraining | { reason: string }> {
    const job = {
      architecture,
      config,
      threads: THREADS,
      ...where,
      optimizer,
      schedule,
      weights: path.join(folder, 'weights.safetensors'),
      batches: batches.map((_, i) => path.join(folder, `batch-${i}.safetensors`)),
    };
    await writeFloats(job.weights, parameters);
    for (const [i, batch] of batches.entries()) await writeFloats(job.batches[i]!, batch);
    const jobFile = path.join(folder, 'job.json');
    await writeFile(jobFile, JSON.stringify(job));

    const python = process.env.WINNOW_PYTHON ?? 'python3';
    const script = path.resolve('test', 'bench', 'torch_step.py');
    const child = spawn(python, [script, jobFile], { stdio: ['pipe', 'pipe', 'ignore'] });
    const lines = createInterface(child.stdout);
    try {
      const { torch } = Hello.parse(await nextLine(child, lines));
      return new TorchTraining(torch, child, lines);
    } catch {
      child.kill();
      const lacking = where.device === 'cpu' ? 'import torch' : 'import a torch that finds a GPU';
      return { reason: `${python} is not there or does not ${lacking}; name one that does in WINNOW_PYTHON` };
    }
  }

  async advance(steps: number): Promise<void> {
    const answer = nextLine(this.#child, this.#lines);
    this.#child.stdin.write(`${steps}\n`);
    const { seconds, loss, gradientNorm } = Steps.parse(await answer);
    this.seconds.push(...seconds);
    this.losses.push(...loss);
    this.gradientNorms.push(...gradientNorm);
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.stdin.end();
    await ended;
  }
}

/** Integers become floating-point numbers as well, all of which float32 has at these sizes. */
const writeFloats = (file: string, tensors: Named<HostTensor>) =>
  writeSafetensors(
    file,
    Object.entries(tensors).map(([name, { shape, data }]) => float32Tensor(name, shape, Float32Array.from(data))),
  );

/** The next line of JSON. @throws when the process does not start or ends without one */
async function nextLine(child: ChildProcessByStdio<Writable, Readable, null>, lines: Interface): Promise<unknown> {
  const done = new AbortController();
  const options = { signal: done.signal };
  try {
    const line: unknown[] = await Promise.race([
      once(lines, 'line', options),
      once(child, 'exit', options).then(([code]) => {
        throw new Error(`Python ended with exit code ${String(code)}`);
      }),
    ]);
    return JSON.parse(String(line[0]));
  } finally {
    done.abort();
  }
}
