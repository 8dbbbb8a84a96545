// Fails in every way that a test must hear of.
const vscode = require('vscode');

const page = `<!DOCTYPE html>
<html><head><meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'nonce-x'"></head>
<body data-panel="faulty">A panel with faults<img src="https://127.0.0.1/refused.png"><script nonce="x">
console.error('logged by a panel');
setTimeout(() => { throw new Error('thrown by a panel') });
Promise.reject(new Error('rejected by a panel'));
</script></body></html>`;

exports.activate = (context) => {
  const command = (name, run) => context.subscriptions.push(vscode.commands.registerCommand(`faulty.${name}`, run));
  command('host', () => {
    console.error('logged by the host');
    void Promise.reject(new Error('rejected by the host'));
  });
  command('panel', () => {
    const panel = vscode.window.createWebviewPanel('faulty', 'Faulty', vscode.ViewColumn.One, { enableScripts: true });
    panel.webview.html = page;
  });
};
