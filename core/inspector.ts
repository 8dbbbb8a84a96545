import * as l10n from '@vscode/l10n';
import { createInspections } from './inspection/inspections';
import type { InspectorContract } from './inspection/client';
import { messageOf, UserError } from './errors';
import { useLanguage } from './language';
import { answerImportance } from './methods/importance';
import { ABORTED, isToHost, type ErrorMessage, type Handlers, type ToPanel } from './protocol/rpc';

/** The process that looks at checkpoints, and at the samples of runs: `core/inspection/client.ts` starts it and asks. */

function serve(handlers: Handlers<InspectorContract>): void {
  const running = new Map<number, AbortController>();
  const send = (message: ToPanel) => {
    // Without its parent there is nobody to tell, and it ends below.
    process.send?.(message, () => undefined);
  };
  const answer = async (id: number, name: string, params: unknown, signal: AbortSignal): Promise<ToPanel> => {
    // The client is typed by the contract; names and parameters come from nowhere else.
    const handle = handlers[name as keyof typeof handlers] as (params: unknown, asked: unknown) => unknown;
    const progress = (value: unknown) => {
      send({ kind: 'progress', id, progress: value });
    };
    try {
      const result = await handle(params, { signal, progress });
      signal.throwIfAborted();
      return { kind: 'reply', id, result };
    } catch (error) {
      return { kind: 'error', id, error: signal.aborted ? aborted() : toMessage(error) };
    }
  };
  process.on('message', (message: unknown) => {
    if (!isToHost(message)) return;
    if (message.kind === 'abort') {
      running.get(message.id)?.abort();
      return;
    }
    const { id, name, params } = message;
    const controller = new AbortController();
    running.set(id, controller);
    void answer(id, name, params, controller.signal).then((reply) => {
      running.delete(id);
      send(reply);
    });
  });
}

const aborted = (): ErrorMessage => ({ code: ABORTED, message: l10n.t('The request was canceled.'), hint: '' });

function toMessage(error: unknown): ErrorMessage {
  if (error instanceof UserError) return { code: error.code, message: error.message, hint: error.hint };
  return { code: 'internal', message: messageOf(error), hint: error instanceof Error ? (error.stack ?? '') : '' };
}

// The parent ended, whatever the reason: nobody waits for an answer.
process.on('disconnect', () => process.exit());
useLanguage();
serve({ ...createInspections(process.argv[2]), ...answerImportance() });
