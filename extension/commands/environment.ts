import * as vscode from 'vscode';
import * as z from 'zod';
import type { Check } from '../../core/compute/doctor';
import { messageOf } from '../../core/errors';
import { diskFolders } from '../guard';
import type { Handlers, Services } from '../services';

export const checksSchema = z.object({
  checks: z.array(
    z.object({ name: z.string(), result: z.enum(['pass', 'warn', 'fail']), found: z.string(), fix: z.string() }),
  ),
});

/** Commands that help to get started. */
export function environmentCommands({ context, cli, milestones, reporter, reports }: Services) {
  return {
    async checkEnvironment() {
      const checks = await vscode.window.withProgress(
        { location: vscode.ProgressLocation.Window, title: vscode.l10n.t('Checking the environment') },
        async () => [...ofWindow(context), ...(await ofMachine(cli))],
      );
      const content = report(checks);
      reporter.output.info(content);
      await reports.show(vscode.l10n.t('Winnow environment'), content);
    },

    async openWalkthrough() {
      const walkthrough = `${context.extension.id}#start`;
      await milestones.show(() =>
        vscode.commands.executeCommand('workbench.action.openWalkthrough', walkthrough, false),
      );
    },
  } satisfies Handlers;
}

/** Checks that only this window can do. */
function ofWindow(context: vscode.ExtensionContext): Check[] {
  const { version } = context.extension.packageJSON as { version: string };
  const [folder] = vscode.workspace.workspaceFolders ?? [];
  const onDisk = diskFolders().length > 0;
  const { isTrusted } = vscode.workspace;
  return [
    {
      name: 'Winnow',
      result: 'pass',
      found: vscode.l10n.t('Winnow {0}, VS Code {1}.', version, vscode.version),
      fix: '',
    },
    {
      name: vscode.l10n.t('Workspace'),
      result: onDisk ? 'pass' : 'fail',
      found: onDisk
        ? vscode.l10n.t('A folder is open; runs are kept in it.')
        : folder
          ? vscode.l10n.t('The workspace is virtual, so programs cannot read its files.')
          : vscode.l10n.t('No folder is open; runs are kept in a folder.'),
      fix: onDisk ? '' : vscode.l10n.t('File > Open Folder…'),
    },
    {
      name: vscode.l10n.t('Trust'),
      result: isTrusted ? 'pass' : 'fail',
      found: isTrusted
        ? vscode.l10n.t('The workspace is trusted.')
        : vscode.l10n.t('The workspace is not trusted, so Winnow starts nothing in it.'),
      fix: isTrusted ? '' : vscode.l10n.t('Run "Workspaces: Manage Workspace Trust".'),
    },
  ];
}

/** The checks of the core on the machine that would execute runs. If it cannot be asked, that is a finding too. */
async function ofMachine(cli: Services['cli']): Promise<Check[]> {
  const folder = diskFolders()[0]?.uri.fsPath;
  try {
    return (await cli.json(['doctor', ...(folder === undefined ? [] : [folder])], checksSchema)).checks;
  } catch (error) {
    const fix = vscode.l10n.t(
      'Check the setting winnow.nodePath: the Node.js to use. If it is empty, Winnow uses the one in VS Code.',
    );
    return [{ name: vscode.l10n.t('Programs'), result: 'fail', found: messageOf(error), fix }];
  }
}

const MARKS = { pass: '✓', warn: '!', fail: '✗' } as const;

function report(checks: readonly Check[]): string {
  const failed = checks.filter(({ result }) => result === 'fail').length;
  const verdict =
    failed === 0
      ? vscode.l10n.t('Everything that runs need is installed.')
      : vscode.l10n.t('{0} of {1} checks failed.', failed, checks.length);
  return checksReport(vscode.l10n.t('Winnow: environment'), checks, verdict);
}

/** Findings in Markdown, each with what to do about it. */
export function checksReport(title: string, checks: readonly Check[], verdict: string): string {
  // Placeholders such as <remote> are not HTML.
  const plain = (text: string) => text.replaceAll('<', '&lt;');
  const lines = checks.flatMap(({ name, result, found, fix }) => [
    `- ${MARKS[result]} **${name}**: ${plain(found)}`,
    ...(fix === '' ? [] : [`  - ${vscode.l10n.t('What to do: {0}', plain(fix))}`]),
  ]);
  return [`# ${title}`, '', verdict, '', ...lines, ''].join('\n');
}
