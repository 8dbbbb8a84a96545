import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import * as z from 'zod';
import { UserError } from '../../core/errors';
import { writeFileAtomic } from '../../core/files';
import { firstFolder } from '../guard';
import { pickCheckpoint, pickSpec } from '../pick';
import type { Handlers, Services } from '../services';
import { costOf } from '../specs/language';
import type { Planner } from '../specs/planner';
import { askNewSpec } from '../specs/new-spec';
import type { MethodList } from '../specs/methods';
import { targetOf } from '../targets';

const started = z.object({ id: z.string(), dir: z.string() });
const branched = z.object({ spec: z.string() });

/** What is done to specs: make one, plan it, run it. */
export function specCommands(services: Services, planner: Planner, methods: MethodList) {
  const { context, cli, runs, specs, experiments } = services;
  const fileOf = async (target: unknown, title: string): Promise<string | undefined> => {
    const found = targetOf(target);
    if (found?.kind === 'spec') return found.file;
    if (found?.kind === 'run') return runs.byDir(found.runDir)?.specFile;
    return pickSpec(specs, title);
  };

  const open = async (file: string) => {
    await vscode.window.showTextDocument(vscode.Uri.file(file), { preview: false });
    await specs.find(true);
  };

  return {
    async newExperiment() {
      const folder = firstFolder();
      const asked = await askNewSpec(await methods.all(), runs, folder.uri.fsPath);
      if (asked?.text === undefined) return;
      await writeFileAtomic(asked.file, asked.text);
      await open(asked.file);
    },

    async branchCheckpoint(target) {
      const found = targetOf(target);
      const checkpoint =
        found?.kind === 'checkpoint'
          ? found.path
          : await pickCheckpoint(runs, vscode.l10n.t('Branch from which checkpoint?'));
      if (checkpoint === undefined) return;
      const able = (await methods.all()).filter(({ starting }) => starting.model);
      const run = runs.byDir(path.dirname(path.dirname(checkpoint)));
      const origin = { checkpoint, run: run && { name: run.name, method: run.method } };
      const asked = await askNewSpec(able, runs, firstFolder().uri.fsPath, origin);
      if (!asked) return;
      const { file, method, text } = asked;
      if (text === undefined) await cli.json(['branch', checkpoint, file, '--method', method], branched);
      else await writeFileAtomic(file, text);
      await open(file);
    },

    async runExperiment(target) {
      const file = await fileOf(target, vscode.l10n.t('Run which experiment?'));
      if (file === undefined) return;
      const document = vscode.workspace.textDocuments.find(({ uri }) => uri.fsPath === file);
      if (document?.isDirty && !(await document.save()))
        throw new UserError('spec.not-saved', `${path.basename(file)} could not be saved.`, 'Save it, then run it.');
      const run = await vscode.window.withProgress(
        { location: vscode.ProgressLocation.Window, title: vscode.l10n.t('Starting {0}', path.basename(file)) },
        () =>
          cli.json(['run', file, '--detach', '--runs-dir', runs.runsDirFor(file)], started, {
            cwd: path.dirname(file),
          }),
      );
      await runs.refresh(run.dir);
      await experiments.reveal(run.dir);
      await vscode.commands.executeCommand('winnow.openCurves', { kind: 'run', runDir: run.dir });
    },

    async planExperiment(target) {
      const file = await fileOf(target, vscode.l10n.t('Plan which experiment?'));
      if (file === undefined) return;
      const document = await vscode.workspace.openTextDocument(vscode.Uri.file(file));
      const planned = await vscode.window.withProgress(
        { location: vscode.ProgressLocation.Window, title: vscode.l10n.t('Planning {0}', path.basename(file)) },
        () => planner.plan(document),
      );
      const lines = [
        `# ${planned.spec.name}`,
        '',
        ...costOf(planned).map((line) => `- ${line}`),
        '',
        `## ${vscode.l10n.t('Stages')}`,
        '',
        ...planned.plan.stages.map((stage, index) => `${index + 1}. ${stage}`),
        '',
      ];
      const title = vscode.l10n.t('Plan of {0}', planned.spec.name);
      await services.reports.show(title, lines.join('\n'), vscode.ViewColumn.Beside);
    },

    async addSamples() {
      const folder = firstFolder();
      const samples = await shippedSamples(path.join(context.extensionPath, 'core', 'methods'));
      const chosen = await vscode.window.showQuickPick(samples, {
        title: vscode.l10n.t('Add which sample experiment?'),
        matchOnDescription: true,
        matchOnDetail: true,
      });
      if (!chosen) return;
      const copied = await copySample(chosen.file, folder.uri.fsPath);
      await vscode.window.showTextDocument(vscode.Uri.file(copied), { preview: false });
      await specs.find(true);
    },
  } satisfies Handlers;
}

const sampleSpec = z.looseObject({ name: z.string().optional(), method: z.string(), notes: z.string().optional() });

interface Sample extends vscode.QuickPickItem {
  readonly file: string;
}

async function shippedSamples(folder: string): Promise<Sample[]> {
  const names = await readdir(folder, { recursive: true });
  const files = names.filter((name) => name.endsWith('.winnow.json')).map((name) => path.join(folder, name));
  return Promise.all(
    files.sort().map(async (file) => {
      const { name, method, notes } = sampleSpec.parse(JSON.parse(await readFile(file, 'utf8')));
      return {
        label: name ?? path.basename(file),
        description: method,
        ...(notes !== undefined && { detail: notes }),
        file,
      };
    }),
  );
}

/**
 * Copies a sample into a folder; one that needs other files lies in a folder `example`, which is copied whole.
 * @returns the copied spec, under a name that was free
 */
async function copySample(file: string, into: string): Promise<string> {
  const source = path.dirname(file);
  const whole = path.basename(source) === 'example';
  const exists = (candidate: string) =>
    stat(candidate).then(
      () => true,
      () => false,
    );
  const base = path.basename(file).replace(/\.winnow\.json$/, '');
  for (let count = 1; ; count++) {
    const suffix = count === 1 ? '' : `-${count}`;
    const target = path.join(into, whole ? `${base}-example${suffix}` : `${base}${suffix}.winnow.json`);
    if (await exists(target)) continue;
    await vscode.workspace.fs.copy(vscode.Uri.file(whole ? source : file), vscode.Uri.file(target));
    return whole ? path.join(target, path.basename(file)) : target;
  }
}
