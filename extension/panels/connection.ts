import * as l10n from '@vscode/l10n';
import type * as vscode from 'vscode';
import { messageOf, UserError } from '../../core/errors';
import {
  ABORTED,
  isToHost,
  type ErrorMessage,
  type EventName,
  type Handlers,
  type PanelContract,
  type ToPanel,
} from '../../core/protocol/rpc';

/** The host's end of the channel to one webview. */
export interface Connection<C extends PanelContract> {
  send<N extends EventName<C>>(name: N, data: C['events'][N]): void;
  dispose(): void;
}

/** The part of `vscode.Webview` that carries messages. */
export type Channel = Pick<vscode.Webview, 'postMessage' | 'onDidReceiveMessage'>;

type AnyHandler = (params: unknown, asked: { signal: AbortSignal; progress: (value: unknown) => void }) => unknown;

/**
 * Answers the requests of a webview with the contract's handlers: one reply or one error each.
 * @param onDefect is told of errors that are no `UserError`
 */
export function connect<C extends PanelContract>(
  channel: Channel,
  handlers: Handlers<C>,
  onDefect: (error: unknown) => void,
): Connection<C> {
  const running = new Map<number, AbortController>();
  const byName = new Map(Object.entries(handlers as Record<string, AnyHandler>));
  // A webview that was closed meanwhile has nobody to tell.
  const post = (message: ToPanel) => void channel.postMessage(message);

  const answer = async (id: number, name: string, params: unknown) => {
    const controller = new AbortController();
    running.set(id, controller);
    try {
      const handler = byName.get(name);
      if (!handler) throw new Error(`The panel asked for "${name}", which no handler answers.`);
      const progress = (value: unknown) => {
        post({ kind: 'progress', id, progress: value });
      };
      const result = await handler(params, { signal: controller.signal, progress });
      post({ kind: 'reply', id, result });
    } catch (error) {
      if (!(error instanceof UserError) && !controller.signal.aborted) onDefect(error);
      post({ kind: 'error', id, error: controller.signal.aborted ? aborted() : errorMessage(error) });
    } finally {
      running.delete(id);
    }
  };

  const subscription = channel.onDidReceiveMessage((message: unknown) => {
    if (!isToHost(message)) return;
    if (message.kind === 'abort') running.get(message.id)?.abort();
    else void answer(message.id, message.name, message.params);
  });

  return {
    send(name, data) {
      post({ kind: 'event', name, data });
    },
    dispose() {
      subscription.dispose();
      for (const controller of running.values()) controller.abort();
    },
  };
}

const aborted = (): ErrorMessage => ({ code: ABORTED, message: l10n.t('Called off.'), hint: '' });

function errorMessage(error: unknown): ErrorMessage {
  if (error instanceof UserError) return { code: error.code, message: error.message, hint: error.hint };
  return {
    code: 'internal',
    message: l10n.t`Winnow failed: ${messageOf(error)}`,
    hint: l10n.t('The log of Winnow has the details.'),
  };
}
