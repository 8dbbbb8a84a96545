import { existsSync } from 'node:fs';
import path from 'node:path';
import { UserError } from '../../errors';

const FOLDER = path.join('core', 'methods', 'pretrain', 'parent');

/** The model that comes with Winnow, trained by `embedded.winnow.json` in its folder. */
export function embeddedParent(): string {
  // From the bundles in dist/ (and dist/chunks/, dist/test/…) as well as from the sources.
  for (let folder = import.meta.dirname; ; folder = path.dirname(folder)) {
    const candidate = path.join(folder, FOLDER);
    if (existsSync(candidate)) return candidate;
    if (folder === path.dirname(folder))
      throw new UserError(
        'model.no-embedded',
        'The embedded parent model is missing from this installation.',
        'Install Winnow again.',
      );
  }
}
