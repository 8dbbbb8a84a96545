import * as l10n from '@vscode/l10n';
import { UserError } from '../errors';
import { didYouMean } from './spec/did-you-mean';
import type { Method } from './method';

/** The methods that specs may name. */
export interface Registry {
  readonly methods: readonly Method[];
  /** @throws UserError `spec.unknown-method` */
  get(name: string): Method;
}

export function createRegistry(methods: readonly Method[]): Registry {
  const byName = new Map(methods.map((method) => [method.name, method]));
  return {
    methods,
    get(name) {
      const method = byName.get(name);
      if (method) return method;
      throw new UserError(
        'spec.unknown-method',
        l10n.t`There is no method "${name}".`,
        didYouMean(name, [...byName.keys()]) || l10n.t`The methods are: ${[...byName.keys()].join(', ')}.`,
      );
    },
  };
}
