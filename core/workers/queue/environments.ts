import { mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { explainDiskError } from '../../files';

const schema = z.object({ env: z.record(z.string(), z.string()), cwd: z.string() });
/** What a run that waits will be started with: the variables and folder of the command that has submitted it. */
export type Environment = z.output<typeof schema>;

/**
 * The environments of waiting runs: files that only this user can read, removed when the run starts or leaves the queue. A run would
 * otherwise get those of whatever happens to start it: another `PATH`, another virtual environment.
 */
export class Environments {
  readonly #folder: string;

  constructor(queue: string) {
    this.#folder = path.join(queue, 'environments');
  }

  #file(entry: string): string {
    return path.join(this.#folder, `${entry}.json`);
  }

  /** @throws UserError `disk.*` */
  async keep(entry: string, { env, cwd }: { readonly env: NodeJS.ProcessEnv; readonly cwd: string }): Promise<void> {
    const file = this.#file(entry);
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      const handle = await open(file, 'wx', 0o600);
      try {
        await handle.writeFile(JSON.stringify({ env, cwd }));
        await handle.sync();
      } finally {
        await handle.close();
      }
    } catch (error) {
      throw explainDiskError(error, file);
    }
  }

  /** Undefined if it is gone or damaged. */
  async read(entry: string): Promise<Environment | undefined> {
    try {
      return schema.parse(JSON.parse(await readFile(this.#file(entry), 'utf8')));
    } catch {
      return undefined;
    }
  }

  async forget(entry: string): Promise<void> {
    await rm(this.#file(entry), { force: true }).catch(() => undefined);
  }

  /** The entries that have one. */
  async list(): Promise<string[]> {
    return (await readdir(this.#folder).catch(() => [])).map((name) => path.basename(name, '.json'));
  }
}
