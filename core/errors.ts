/**
 * An error that the user can act on: what is wrong, and what to do about it. Everything shown on the command line or in a
 * notification is one of these; any other error is a bug in Winnow and is shown with its stack.
 */
export class UserError extends Error {
  override readonly name: string = 'UserError';
  /** Changes to the spec that would help, if any. */
  readonly fixes: readonly Fix[];

  /**
   * @param code stable, machine-readable reason (`spec.unknown-key`, `disk.full`, …); callers match on it, never on the
   *   message
   * @param message a sentence that says what is wrong, naming the file, key or value
   * @param hint a sentence that says what to do; empty if the message already does
   */
  constructor(
    readonly code: string,
    message: string,
    readonly hint = '',
    options?: ErrorOptions & { readonly fixes?: readonly Fix[] },
  ) {
    super(message, options);
    this.fixes = options?.fixes ?? [];
  }
}

/** A change to one value of a spec that would help. */
export interface Fix {
  /** What it does, for the user: `Set data.blockLength to 512`. */
  readonly title: string;
  /** The dotted key. */
  readonly key: string;
  readonly value: unknown;
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of a Node system error (`ENOENT`, `ENOSPC`, …), if it is one. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
