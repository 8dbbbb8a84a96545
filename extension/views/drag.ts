import * as vscode from 'vscode';
import type { Reporter } from '../report';
import { targetOf } from '../targets';
import type { Node } from './nodes';

const CHECKPOINT = 'application/vnd.winnow.checkpoint';

/** A checkpoint dragged onto a spec becomes the model that it starts from; into an editor, it is a path. */
export class CheckpointDrag implements vscode.TreeDragAndDropController<Node> {
  readonly dragMimeTypes = [CHECKPOINT, 'text/uri-list'];
  readonly dropMimeTypes = [CHECKPOINT];

  constructor(readonly reporter: Reporter) {}

  handleDrag(source: readonly Node[], transfer: vscode.DataTransfer): void {
    const paths = source.filter((node) => node.kind === 'checkpoint' && !node.missing).map((node) => pathOf(node));
    const [first] = paths;
    if (first === undefined) return;
    transfer.set(CHECKPOINT, new vscode.DataTransferItem(first));
    const uris = paths.map((path) => vscode.Uri.file(path).toString());
    transfer.set('text/uri-list', new vscode.DataTransferItem(uris.join('\r\n')));
  }

  async handleDrop(target: Node | undefined, transfer: vscode.DataTransfer): Promise<void> {
    const checkpoint: unknown = transfer.get(CHECKPOINT)?.value;
    const found = targetOf(target);
    if (typeof checkpoint !== 'string' || found?.kind !== 'spec') return;
    try {
      const [{ setSpecValue }, { specPath }] = await Promise.all([
        import('../../core/experiments/spec-edit'),
        import('../../core/experiments/spec-path'),
      ]);
      const uri = vscode.Uri.file(found.file);
      const document = await vscode.workspace.openTextDocument(uri);
      const text = setSpecValue(document.getText(), 'parent', specPath(found.file, checkpoint));
      const edit = new vscode.WorkspaceEdit();
      edit.replace(uri, new vscode.Range(0, 0, document.lineCount, 0), text);
      await vscode.workspace.applyEdit(edit);
      await vscode.window.showTextDocument(document);
    } catch (error) {
      await this.reporter.error(error);
    }
  }
}

const pathOf = (node: Node) => (node.kind === 'checkpoint' ? node.path : '');
