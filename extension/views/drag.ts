import * as vscode from 'vscode';
import type { Reporter } from '../report';
import type { MethodList } from '../specs/methods';
import { targetOf } from '../targets';
import type { Node } from './nodes';

const CHECKPOINT = 'application/vnd.winnow.checkpoint';

/**
 * A checkpoint dragged onto a spec becomes the model that it starts from; dragged into an editor, it is inserted as a path.
 */
export class CheckpointDrag implements vscode.TreeDragAndDropController<Node> {
  readonly dragMimeTypes = [CHECKPOINT, 'text/uri-list'];
  readonly dropMimeTypes = [CHECKPOINT];

  constructor(
    readonly reporter: Reporter,
    readonly methods: MethodList,
  ) {}

  handleDrag(source: readonly Node[], transfer: vscode.DataTransfer): void {
    const paths = source.flatMap((node) => (node.kind === 'checkpoint' && !node.trouble ? [node.path] : []));
    const [first] = paths;
    if (first === undefined) return;
    transfer.set(CHECKPOINT, new vscode.DataTransferItem(first));
    const uris = paths.map((path) => vscode.Uri.file(path).toString());
    transfer.set('text/uri-list', new vscode.DataTransferItem(uris.join('\r\n')));
  }

  async handleDrop(target: Node | undefined, transfer: vscode.DataTransfer): Promise<void> {
    const checkpoint = await textIn(transfer, CHECKPOINT);
    const found = targetOf(target);
    if (checkpoint === undefined || found?.kind !== 'spec') return;
    try {
      const { changeFor } = await import('../specs/drop');
      const document = await vscode.workspace.openTextDocument(vscode.Uri.file(found.file));
      await vscode.workspace.applyEdit(await changeFor(document, checkpoint, this.methods));
      await vscode.window.showTextDocument(document);
    } catch (error) {
      await this.reporter.error(error);
    }
  }
}

/** VS Code adds an empty item of each kind before the real ones, and between two trees it only transfers text. */
async function textIn(transfer: vscode.DataTransfer, kind: string): Promise<string | undefined> {
  for (const [mime, item] of transfer) {
    const text = mime === kind ? await item.asString() : '';
    if (text !== '') return text;
  }
  return undefined;
}
