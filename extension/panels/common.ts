import path from 'node:path';
import * as vscode from 'vscode';
import type { Handlers } from '../../core/protocol/rpc';
import { panelCommands, type CommonRequests } from '../../core/protocol/targets';
import { commandId } from '../registry';

/** Handlers of the requests that every panel has. */
export const commonHandlers: Handlers<{ requests: CommonRequests; events: Record<string, never> }> = {
  command({ command, target }) {
    // The request comes from a web page: only allow commands meant for panels.
    if (!panelCommands.includes(command)) throw new Error(`A panel asked for the command "${command as string}".`);
    void vscode.commands.executeCommand(commandId(command), target);
    return undefined;
  },

  async save({ name, content }) {
    const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
    const bare = path.basename(name);
    const uri = await vscode.window.showSaveDialog({
      ...(folder && { defaultUri: vscode.Uri.joinPath(folder, bare) }),
      filters: { [path.extname(bare).slice(1).toUpperCase()]: [path.extname(bare).slice(1)] },
    });
    if (!uri) return undefined;
    await vscode.workspace.fs.writeFile(uri, typeof content === 'string' ? new TextEncoder().encode(content) : content);
    return uri.scheme === 'file' ? uri.fsPath : uri.toString();
  },

  async copy({ text }) {
    await vscode.env.clipboard.writeText(text);
    return undefined;
  },
};
