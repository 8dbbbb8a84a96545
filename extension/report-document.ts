import * as vscode from 'vscode';

const SCHEME = 'winnow-report';

/** Texts that Winnow shows, as read-only documents that never need to be saved. */
export class ReportDocuments implements vscode.TextDocumentContentProvider, vscode.Disposable {
  readonly #texts = new Map<string, string>();
  readonly #changes = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.#changes.event;
  readonly #subscriptions = [this.#changes, vscode.workspace.registerTextDocumentContentProvider(SCHEME, this)];

  provideTextDocumentContent(uri: vscode.Uri): string {
    return (
      this.#texts.get(uri.path) ?? vscode.l10n.t('This report was made in an earlier window. Run the command again.')
    );
  }

  /** Shows rendered Markdown under a title; it replaces an earlier text with the same title. */
  async show(title: string, text: string, column = vscode.ViewColumn.Active): Promise<void> {
    const uri = vscode.Uri.from({ scheme: SCHEME, path: `/${title.replaceAll('/', ' ')}.md` });
    this.#texts.set(uri.path, text);
    this.#changes.fire(uri);
    const command = column === vscode.ViewColumn.Beside ? 'markdown.showPreviewToSide' : 'markdown.showPreview';
    // VS Code's Markdown extension may be disabled; the source text is readable too.
    const rendered = vscode.extensions.getExtension('vscode.markdown-language-features') !== undefined;
    if (rendered) await vscode.commands.executeCommand(command, uri);
    else await vscode.window.showTextDocument(uri, { preview: true, viewColumn: column });
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}
