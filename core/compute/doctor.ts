import { mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { messageOf } from '../errors';
import { formatBytes } from '../protocol/format';

/** One thing that Winnow needs or benefits from. */
export interface Check {
  readonly name: string;
  /** `warn`: it works, but not as well as it could. */
  readonly result: 'pass' | 'warn' | 'fail';
  /** A sentence about what was found. */
  readonly found: string;
  /** What to do about it; empty if it passed. */
  readonly fix: string;
}

/** With less than this, a first run is likely to fail midway, bytes. */
const LITTLE_DISK = 2e9;
const LITTLE_MEMORY = 2e9;
const OLDEST_NODE = [20, 19] as const;

/** Checks everything that runs depend on here by trying it. @param folder where runs would be stored */
export async function examine(folder: string): Promise<Check[]> {
  return [nodeVersion(), ...(await engine()), await writable(folder), await disk(folder), memory()];
}

function nodeVersion(): Check {
  const { node } = process.versions;
  const [major = 0, minor = 0] = node.split('.').map(Number);
  const [oldest, oldestMinor] = OLDEST_NODE;
  const passed = major > oldest || (major === oldest && minor >= oldestMinor);
  return {
    name: 'Node.js',
    result: passed ? 'pass' : 'fail',
    found: l10n.t`Node.js ${node} runs the programs (${process.execPath}).`,
    fix: passed ? '' : l10n.t`Use Node.js ${OLDEST_NODE.join('.')} or newer; in VS Code, set winnow.nodePath to it.`,
  };
}

/** The engine, and the devices that it can use. */
async function engine(): Promise<Check[]> {
  const name = l10n.t('Engine');
  try {
    // The engine fails to load on a platform without its library, so it is not imported at the top of this file.
    const { listDevices, tryProcessor } = await import('../engine/devices/devices');
    const problem = await tryProcessor();
    if (problem !== undefined)
      return [{ name, result: 'fail', found: l10n.t`ONNX Runtime does not work: ${problem}`, fix: reinstall() }];
    const devices = await listDevices();
    const gpus = devices.filter(
      ({ provider, available }) => available && provider !== 'cpu' && provider !== 'tensorflow',
    );
    const cpu = devices.find(({ provider }) => provider === 'cpu')?.detail ?? l10n.t('the processor');
    // Do not give hints about providers that do not exist for this platform.
    const missing = devices.filter(
      ({ available, provider, unsupported }) => !available && provider !== 'tensorflow' && !unsupported,
    );
    const hints = missing.flatMap(({ provider, hint }) => (hint === undefined ? [] : [`${provider}: ${hint}`]));
    return [
      { name, result: 'pass', found: l10n.t`ONNX Runtime computes on ${cpu}.`, fix: '' },
      gpus.length > 0
        ? {
            name: 'GPU',
            result: 'pass',
            found: gpus
              .map(({ provider, detail }) => (detail === undefined ? provider : `${provider}: ${detail}`))
              .join('; '),
            fix: '',
          }
        : {
            name: 'GPU',
            result: 'warn',
            found: l10n.t('No GPU can be used; runs compute on the CPU.'),
            fix: hints.join(' ') || l10n.t('Use a machine with a GPU for large models.'),
          },
    ];
  } catch (error) {
    return [
      {
        name,
        result: 'fail',
        found: l10n.t`ONNX Runtime does not load: ${messageOf(error).split('\n')[0] ?? ''}`,
        fix: reinstall(),
      },
    ];
  }
}

const reinstall = () =>
  l10n.t('Reinstall the Winnow package for this platform. Until then you can still view checkpoints and runs.');

async function writable(folder: string): Promise<Check> {
  const name = l10n.t('Folder');
  try {
    const trial = await mkdtemp(path.join(folder, '.winnow-'));
    await writeFile(path.join(trial, 'trial'), 'x');
    await rm(trial, { recursive: true });
    return { name, result: 'pass', found: l10n.t`${folder} is writable.`, fix: '' };
  } catch (error) {
    return {
      name,
      result: 'fail',
      found: l10n.t`${folder} is not writable: ${messageOf(error)}`,
      fix: l10n.t('Choose another folder, or change its permissions.'),
    };
  }
}

async function disk(folder: string): Promise<Check> {
  const name = l10n.t('Disk');
  try {
    const { bavail, bsize } = await statfs(folder);
    const little = bavail * bsize < LITTLE_DISK;
    return {
      name,
      result: little ? 'warn' : 'pass',
      found: l10n.t`${formatBytes(bavail * bsize)} free.`,
      fix: little
        ? l10n.t('Delete runs that you do not need, or keep runs on another disk (winnow.runsFolder, --runs-dir).')
        : '',
    };
  } catch (error) {
    return {
      name,
      result: 'warn',
      found: l10n.t`The free space could not be determined: ${messageOf(error)}`,
      fix: l10n.t('Check the folder.'),
    };
  }
}

function memory(): Check {
  const total = os.totalmem();
  const little = total < LITTLE_MEMORY;
  return {
    name: l10n.t('Memory'),
    result: little ? 'warn' : 'pass',
    found: l10n.t`${formatBytes(total)} of memory.`,
    fix: little ? l10n.t('Use small models and batches.') : '',
  };
}
