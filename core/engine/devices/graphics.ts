import { setTimeout } from 'node:timers/promises';
import { graphics } from 'systeminformation';

/** A graphics card that the system knows, of any vendor. */
export interface GraphicsCard {
  /** Vendor and model: `Intel Iris Xe Graphics`. */
  readonly name: string;
  /** Of the driver, where the system tells. */
  readonly driver?: string;
  /** Bytes of its own, where it has any. */
  readonly memory?: number;
}

/** Asking the system can take long where a helper program hangs. */
const TIMEOUT_MS = 10_000;
const MIB = 2 ** 20;

/** The graphics cards of this machine; none if the system does not tell. */
export async function graphicsCards(): Promise<GraphicsCard[]> {
  const known = await Promise.race([
    graphics().catch(() => undefined),
    setTimeout(TIMEOUT_MS, undefined, { ref: false }),
  ]);
  return (known?.controllers ?? []).flatMap(({ vendor, model, name, driverVersion, vram }) => {
    const title = titleOf(vendor, name ?? model);
    return title === ''
      ? []
      : [
          {
            name: title,
            ...(driverVersion !== undefined && driverVersion !== '' && { driver: driverVersion }),
            ...(typeof vram === 'number' && vram > 0 && { memory: vram * MIB }),
          },
        ];
  });
}

/** The vendor is often part of the model's name. */
function titleOf(vendor: string, model: string): string {
  const first = vendor.split(' ')[0] ?? '';
  return model.toLowerCase().startsWith(first.toLowerCase()) ? model : `${vendor} ${model}`.trim();
}
