import path from 'node:path';
import * as vscode from 'vscode';
import * as z from 'zod';
import type { Inspector } from '../../core/inspection/client';
import type { DiffContract } from '../../core/protocol/checkpoint-panel';
import type { PanelKind } from './panel';

const input = z.object({ a: z.string(), b: z.string() });
export type DiffInput = z.output<typeof input>;

/** Compares two checkpoints. */
export function diffPanel(inspector: Inspector): PanelKind<DiffContract, DiffInput> {
  return {
    name: 'diff',
    input,
    title: ({ a, b }) => vscode.l10n.t('{0} ↔ {1}', path.basename(a), path.basename(b)),
    key: ({ a, b }) => `${a}\n${b}`,
    serve(first, panel) {
      let shown = first;
      return {
        handlers: {
          load: (_params, { signal, progress }) => inspector.diff(shown.a, shown.b, { signal, onProgress: progress }),
          swap() {
            shown = { a: shown.b, b: shown.a };
            panel.setInput(shown);
            return undefined;
          },
        },
        dispose: () => undefined,
      };
    },
  };
}
