import * as l10n from '@vscode/l10n';
import type { Nvidia, NvidiaGpu } from '../engine/devices/nvidia';
import { INSTALLABLE, type Installable } from '../engine/runtime/installed';
import { UserError } from '../errors';
import { VARIANTS, type Variant } from './catalog';

export interface Wishes {
  /** The id of a variant; by default the one that fits the machine. */
  readonly variant?: string;
  /** Whether it is installed for another machine, such as the nodes of a cluster: then no GPU is looked for. */
  readonly elsewhere?: boolean;
  /** Whether it has to compute here at once; default: yes. */
  readonly verify?: boolean;
}

/** @throws UserError `runtime.unknown` */
export function runtimeNamed(name: string): Installable {
  const known = INSTALLABLE.find((one) => one === name);
  if (known) return known;
  throw new UserError(
    'runtime.unknown',
    l10n.t`There is no runtime "${name}" to install.`,
    l10n.t`There are: ${INSTALLABLE.join(', ')}. The others come with Winnow, or with the system.`,
  );
}

/**
 * The variant to install: the one that is asked for, or the first that this machine's driver and GPU can use.
 * @throws UserError `runtime.platform`, `runtime.unknown`, `runtime.no-gpu`, `runtime.driver`
 */
export function chooseVariant(
  name: Installable,
  { gpus, problem }: Nvidia,
  wishes: Wishes = {},
  platform = ownPlatform(),
): Variant {
  const all = VARIANTS.filter((variant) => variant.name === name);
  const here = all.filter((variant) => variant.platform === platform);
  if (here.length === 0)
    throw new UserError(
      'runtime.platform',
      l10n.t`The runtime ${name} cannot be installed on ${platform}; only on ${[...new Set(all.map((one) => one.platform))].join(', ')}.`,
      l10n.t('"winnow devices" shows what works here.'),
    );
  const suits = ({ gpu }: Variant) => !gpu || (gpus.length > 0 && gpus.every((one) => fits(one, gpu)));
  const idle = wishes.elsewhere === true || wishes.verify === false;
  if (wishes.variant !== undefined) {
    const chosen = here.find(({ id }) => id === wishes.variant);
    if (!chosen)
      throw new UserError(
        'runtime.unknown',
        l10n.t`The runtime ${name} has no variant "${wishes.variant}".`,
        l10n.t`There are: ${here.map(({ id }) => id).join(', ')}.`,
      );
    if (idle || !chosen.gpu?.required || suits(chosen)) return chosen;
  } else {
    const fitting = here.find(suits) ?? (idle ? here[0] : undefined);
    if (wishes.elsewhere) return here[0]!;
    if (fitting) return fitting;
  }
  if (gpus.length === 0)
    throw new UserError(
      'runtime.no-gpu',
      l10n.t`No NVIDIA GPU was found for the runtime ${name} (${problem ?? 'nvidia-smi'}).`,
      l10n.t(
        'If this machine has a GPU, install its driver first. To install for other machines that share this folder, add --elsewhere.',
      ),
    );
  const [gpu] = gpus;
  const oldest = Math.min(...here.map((one) => one.gpu?.driver ?? 0));
  throw new UserError(
    'runtime.driver',
    l10n.t`The driver (${gpu!.driver}) or the GPU (${gpu!.name}) is too old for this runtime. Nothing was downloaded.`,
    l10n.t`Install NVIDIA driver ${oldest} or newer. If the GPU itself is too old, use WebGPU: "device": {"provider": "webgpu"}.`,
  );
}

const ownPlatform = () => `${process.platform}-${process.arch}`;

/** A GPU that does not tell its compute capability is trusted: the verification tells. */
function fits({ driver, computeCapability = Infinity }: NvidiaGpu, needs: NonNullable<Variant['gpu']>): boolean {
  return Number.parseInt(driver, 10) >= needs.driver && computeCapability >= needs.computeCapability;
}
