import path from 'node:path';
import { embeddedParent } from '../pretrain/embedded';
import { UserError } from '../../errors';

/** The folder of a spec's `parent`. @throws UserError `plrd.unknown-parent` */
export function parentFolder(parent: string, baseDir: string): string {
  if (parent === 'embedded:parent') return embeddedParent();
  if (parent.startsWith('embedded:'))
    throw new UserError(
      'plrd.unknown-parent',
      `There is no embedded model '${parent}'.`,
      "The embedded model is 'embedded:parent'; anything else is a folder.",
    );
  return path.resolve(baseDir, parent);
}
