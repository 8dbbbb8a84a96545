import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';

/** The folders that a panel may load from. */
export const panelRoots = (extensionUri: vscode.Uri) => [vscode.Uri.joinPath(extensionUri, 'dist', 'webview')];

interface PageOptions {
  /** The bundle in `dist/webview`. */
  readonly name: string;
  /** For screen readers, which say it when the panel gets the focus. */
  readonly title: string;
  /** What the panel shows; kept in its state, by which it is restored. */
  readonly input: unknown;
}

/** The page of a panel: one script, one stylesheet, nothing from anywhere else and nothing inline. */
export function panelPage(
  webview: vscode.Webview,
  extensionUri: vscode.Uri,
  { name, title, input }: PageOptions,
): string {
  const nonce = randomBytes(16).toString('base64');
  const uri = (file: string) =>
    webview.asWebviewUri(vscode.Uri.joinPath(extensionUri, 'dist', 'webview', file)).toString();
  const policy = [
    `default-src 'none'`,
    `script-src 'nonce-${nonce}'`,
    `style-src ${webview.cspSource} 'nonce-${nonce}'`,
    `font-src ${webview.cspSource}`,
    `img-src ${webview.cspSource} data: blob:`,
  ].join('; ');
  // Undefined in English, and where there is no bundle of the display language.
  const { bundle } = vscode.l10n;
  const texts = bundle ? ` data-texts="${escapeHtml(JSON.stringify(bundle))}"` : '';
  return `<!DOCTYPE html>
<html lang="${bundle ? escapeHtml(vscode.env.language) : 'en'}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<!-- The toolkit tests what the browser can do with a style element, and takes its nonce from here. -->
<meta property="csp-nonce" content="${nonce}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<link rel="stylesheet" href="${uri(`${name}.css`)}">
</head>
<body data-panel="${escapeHtml(name)}" data-input="${escapeHtml(JSON.stringify(input))}"${texts}>
<main id="root"></main>
<script nonce="${nonce}" src="${uri(`${name}.js`)}"></script>
</body>
</html>`;
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escapeHtml = (text: string) => text.replaceAll(/[&<>"]/g, (character) => ENTITIES[character] ?? character);
