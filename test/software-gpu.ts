import { existsSync } from 'node:fs';
import path from 'node:path';

/** Where Debian's package is. */
const CHROMIUM = '/usr/lib/chromium';

/**
 * SwiftShader, a GPU in software that comes with Debian's chromium together with the Vulkan loader that it needs, where
 * the machine does not name a driver of its own.
 */
export function softwareGpu(runtimeDirectory: string): NodeJS.ProcessEnv {
  const driver = path.join(CHROMIUM, 'vk_swiftshader_icd.json');
  if (process.env.VK_ICD_FILENAMES !== undefined || !existsSync(driver)) return {};
  const libraries = [process.env.LD_LIBRARY_PATH, CHROMIUM].filter((entry) => entry !== undefined && entry !== '');
  return { VK_ICD_FILENAMES: driver, XDG_RUNTIME_DIR: runtimeDirectory, LD_LIBRARY_PATH: libraries.join(':') };
}
