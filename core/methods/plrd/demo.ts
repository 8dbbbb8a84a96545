import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { shipped } from '../../shipped';

/** The spec of `winnow start`. @throws UserError `start.no-spec` */
export function demoSpec(): string {
  const spec = shipped('core', 'methods', 'plrd', 'family.winnow.json');
  if (spec !== undefined) return spec;
  throw new UserError(
    'start.no-spec',
    l10n.t('The first experiment is missing from this installation.'),
    l10n.t('Install Winnow again.'),
  );
}
