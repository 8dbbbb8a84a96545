import { execFile, spawn, type ChildProcessByStdio } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { chmod, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';
import { ONLY_ASKED } from '../../core/compute/fetch-rule';
import type { Remote } from '../../core/compute/remotes';

const execute = promisify(execFile);

// What this process keeps (hashes, sockets of shared connections) must not be that of the user.
process.env.WINNOW_CACHE = mkdtempSync(path.join(tmpdir(), 'wn-cache-'));
process.on('exit', () => {
  rmSync(process.env.WINNOW_CACHE!, { recursive: true, force: true });
});

/** What a server needs that is not here, as a reason to skip its tests; false if everything is. */
export function lacking(...programs: string[]): string | false {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs root on Linux, for namespaces of its own';
  const missing = programs.filter(
    (name) => !['/usr/sbin', '/sbin', '/usr/bin'].some((folder) => existsSync(path.join(folder, name))),
  );
  return missing.length > 0 && `${missing.join(', ')} not installed`;
}

/** A fault of the network or the server, and what undoes it. */
export type Fault = 'drop' | 'hang' | 'resume' | 'freeze' | 'thaw' | 'refuse' | 'accept';

/**
 * Another machine, for all that a program can see: sshd (and Slurm, if wanted) in namespaces of their own, with another host name, another home and its own
 * processes; this repository is not there. It ends with the process that made it, and everything on it.
 */
export class Cluster {
  #server: ChildProcessByStdio<Writable, Readable, null> | undefined;

  private constructor(
    readonly folder: string,
    readonly env: Record<string, string>,
  ) {}

  /** @param env see `test/servers/serve.sh` */
  static async open(env: Record<string, string> = {}): Promise<Cluster> {
    const folder = await mkdtemp(path.join(tmpdir(), 'wn-'));
    // munged wants to be reachable for all users.
    await chmod(folder, 0o755);
    // The scripts are in the repository, which is hidden there.
    await cp(path.resolve('test/servers'), path.join(folder, 'bin'), { recursive: true });
    const cluster = new Cluster(folder, env);
    await cluster.#start();
    return cluster;
  }

  async #start(): Promise<void> {
    const server = spawn('/bin/bash', [path.join(this.folder, 'bin', 'serve.sh'), this.folder], {
      env: {
        PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        HOME: '/root',
        SLURM: '0',
        HIDE: path.resolve('.'),
        ...this.env,
      },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let said = '';
    await new Promise<void>((resolve, reject) => {
      server.stdout.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        if (said.includes('READY')) resolve();
      });
      server.once('exit', () => {
        reject(new Error(`the server did not start: ${said}`));
      });
    });
    this.#server = server;
  }

  /** Ends everything there, as a power cut does. */
  async #end(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    const gone = new Promise((resolve) => server.once('exit', resolve));
    server.stdin.end();
    await gone;
  }

  /** Turns it off and on again; what is on its disk stays. */
  async restart(): Promise<void> {
    const port = (await readFile(path.join(this.folder, 'ssh', 'port'), 'utf8')).trim();
    await this.#end();
    this.env.SSH_PORT = port;
    await this.#start();
  }

  get configFile(): string {
    return path.join(this.folder, 'ssh', 'ssh_config');
  }

  /** The home directory there. */
  get home(): string {
    return path.join(this.folder, 'home');
  }

  /** Runs a command there, as an operator: not over ssh. */
  async inside(...command: string[]): Promise<string> {
    const { stdout } = await execute('/bin/bash', [
      path.join(this.folder, 'bin', 'inside.sh'),
      this.folder,
      ...command,
    ]);
    return stdout;
  }

  async fault(name: Fault): Promise<void> {
    await execute('/bin/bash', [path.join(this.folder, 'bin', 'ssh-fault.sh'), this.folder, name]);
  }

  /** How often somebody has logged in. */
  async logins(): Promise<number> {
    const log = await readFile(path.join(this.folder, 'ssh', 'sshd.log'), 'utf8');
    return log.split('Accepted publickey').length - 1;
  }

  /** Changes the shell that a login starts. */
  async loginShell(shell: string): Promise<void> {
    const file = path.join(this.folder, 'passwd');
    // In place: the file is mounted.
    await writeFile(file, (await readFile(file, 'utf8')).replace(/^(root:.*:)[^:]*$/m, `$1${shell}`));
  }

  /** A start-up file of the shell there. */
  startUp(text: string, file = '.bashrc'): Promise<void> {
    return writeFile(path.join(this.home, file), text);
  }

  async close(): Promise<void> {
    await this.#end();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A remote on a cluster. */
export const remoteOn = (cluster: Cluster, more: Partial<Remote> = {}): Remote => ({
  name: 'box',
  kind: 'ssh',
  host: 'testhost',
  folder: '~/.winnow',
  setup: [],
  fetch: ONLY_ASKED,
  patience: 30,
  configFile: cluster.configFile,
  ...more,
});
