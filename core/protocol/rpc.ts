/**
 * Messages between a panel (browser) and the extension host. The panel sends requests; each gets exactly one reply or error,
 * possibly progress before that, and can be aborted. The host also sends events. All messages can be structured-cloned; large
 * arrays are sent as typed arrays.
 */

/** The requests and events of one kind of panel. Every panel has one such type in `core/protocol`. */
export interface PanelContract {
  readonly requests: Record<string, RequestContract>;
  readonly events: Record<string, unknown>;
}

export interface RequestContract {
  readonly params: unknown;
  readonly result: unknown;
  /** Sent any number of times before the reply. */
  readonly progress?: unknown;
}

/** A `UserError` as it is sent to a panel. */
export interface ErrorMessage {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

export type ToHost =
  | { readonly kind: 'request'; readonly id: number; readonly name: string; readonly params: unknown }
  | { readonly kind: 'abort'; readonly id: number };

export type ToPanel =
  | { readonly kind: 'reply'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly error: ErrorMessage }
  | { readonly kind: 'progress'; readonly id: number; readonly progress: unknown }
  | { readonly kind: 'event'; readonly name: string; readonly data: unknown };

/** The event with which the host tells a panel what it now shows, so that it can be restored after a reload. */
export const INPUT_EVENT = '$input';

/** The error code of an aborted request. */
export const ABORTED = 'request.aborted';

type Requests<C extends PanelContract> = C['requests'];
export type RequestName<C extends PanelContract> = keyof Requests<C> & string;
export type ParamsOf<C extends PanelContract, N extends RequestName<C>> = Requests<C>[N]['params'];
export type ResultOf<C extends PanelContract, N extends RequestName<C>> = Requests<C>[N]['result'];
export type ProgressOf<C extends PanelContract, N extends RequestName<C>> = Requests<C>[N]['progress'];
export type EventName<C extends PanelContract> = keyof C['events'] & string;

/** What a request handler gets besides its parameters. */
export interface Asked<Progress> {
  /** Aborted when the panel no longer wants the reply or is closed. */
  readonly signal: AbortSignal;
  readonly progress: (value: Progress) => void;
}

/** The host's side of a contract: one function per request. */
export type Handlers<C extends PanelContract> = {
  readonly [N in RequestName<C>]: (
    params: ParamsOf<C, N>,
    asked: Asked<ProgressOf<C, N>>,
  ) => ResultOf<C, N> | Promise<ResultOf<C, N>>;
};

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** Distinguishes a panel's message from anything else on the channel. */
export function isToHost(message: unknown): message is ToHost {
  if (!isObject(message) || typeof message.id !== 'number') return false;
  return message.kind === 'abort' || (message.kind === 'request' && typeof message.name === 'string');
}

/** Distinguishes a host's message from anything else on the channel. */
export function isToPanel(message: unknown): message is ToPanel {
  if (!isObject(message)) return false;
  if (message.kind === 'event') return typeof message.name === 'string';
  return (
    typeof message.id === 'number' &&
    (message.kind === 'reply' || message.kind === 'error' || message.kind === 'progress')
  );
}
