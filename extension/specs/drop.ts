import * as vscode from 'vscode';
import { UserError } from '../../core/errors';
import { keyPath, valueOf } from '../../core/experiments/spec/edit';
import { startingFrom } from '../../core/experiments/spec/start';
import { modify } from 'jsonc-parser';
import type { MethodList } from './methods';

/** The edit that makes a spec start from a checkpoint. @throws UserError as `startingFrom` */
export async function changeFor(
  document: vscode.TextDocument,
  checkpoint: string,
  methods: MethodList,
): Promise<vscode.WorkspaceEdit> {
  const text = document.getText();
  const { method } = valueOf(text);
  const starting = (await methods.all()).find(({ name }) => name === method)?.starting;
  const { key, value } = await startingFrom(text, document.uri.fsPath, checkpoint, starting);
  return editOf(document, key, value);
}

/** The edit that sets one value in a spec. */
export function editOf(document: vscode.TextDocument, key: string, value: unknown): vscode.WorkspaceEdit {
  const edit = new vscode.WorkspaceEdit();
  const changes = modify(document.getText(), keyPath(key), value, {
    formattingOptions: { insertSpaces: true, tabSize: 2 },
  });
  for (const { offset, length, content } of changes)
    edit.replace(
      document.uri,
      new vscode.Range(document.positionAt(offset), document.positionAt(offset + length)),
      content,
    );
  return edit;
}

/** A checkpoint dropped into a spec becomes the model that it starts from. Anything else is inserted as a path. */
export class CheckpointDrop implements vscode.DocumentDropEditProvider {
  constructor(readonly methods: MethodList) {}

  async provideDocumentDropEdits(
    document: vscode.TextDocument,
    _position: vscode.Position,
    transfer: vscode.DataTransfer,
  ): Promise<vscode.DocumentDropEdit | undefined> {
    const list = await transfer.get('text/uri-list')?.asString();
    const first = list?.split(/\r?\n/)[0];
    if (first === undefined || first === '') return undefined;
    try {
      const edit = new vscode.DocumentDropEdit('', vscode.l10n.t('Start this experiment from the checkpoint'));
      edit.additionalEdit = await changeFor(document, vscode.Uri.parse(first).fsPath, this.methods);
      return edit;
    } catch (error) {
      if (error instanceof UserError) return undefined;
      throw error;
    }
  }
}
