import * as l10n from '@vscode/l10n';

/** `a`, `a and b`, `a, b, and c`. */
export function allOf(names: readonly string[]): string {
  const [others, last] = [names.slice(0, -1), names.at(-1) ?? ''];
  if (others.length === 0) return last;
  return others.length === 1 ? l10n.t`${others[0]!} and ${last}` : l10n.t`${others.join(', ')}, and ${last}`;
}

/** `a`, `a or b`, `a, b, or c`. */
export function oneOf(names: readonly string[]): string {
  const [others, last] = [names.slice(0, -1), names.at(-1) ?? ''];
  if (others.length === 0) return last;
  return others.length === 1 ? l10n.t`${others[0]!} or ${last}` : l10n.t`${others.join(', ')}, or ${last}`;
}
