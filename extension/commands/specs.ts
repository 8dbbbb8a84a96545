import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import * as z from 'zod';
import { UserError } from '../../core/errors';
import { originOf } from '../../core/experiments/library/branch-origin';
import { checkpointFolder } from '../../core/experiments/library/checkpoints';
import { newSpecText, settingsOf } from '../../core/experiments/spec/new';
import { startFrom } from '../../core/experiments/starting';
import { writeFileAtomic } from '../../core/files';
import { LOCAL } from '../../core/workers/worker';
import { firstFolder } from '../guard';
import { pickCheckpoint, pickSpec } from '../pick';
import { commandId } from '../registry';
import type { Handlers, Services } from '../services';
import { notified } from './remotes';
import { askNewSpec, type NewSpec } from '../specs/new-spec';
import { editOf } from '../specs/drop';
import { costOf } from '../specs/language';
import type { Planner } from '../specs/planner';
import { targetOf } from '../targets';

const started = z.object({ id: z.string(), dir: z.string() });
const branched = z.object({ spec: z.string() });

/** A machine to choose. */
interface MachineItem extends vscode.QuickPickItem {
  readonly on?: string;
}

/** Commands on specs: create, plan, run. */
export function specCommands(services: Services, planner: Planner) {
  const { context, cli, runs, specs, methods, milestones, experiments, reporter } = services;
  const fileOf = async (target: unknown, title: string): Promise<string | undefined> => {
    const found = targetOf(target);
    if (found?.kind === 'spec') return found.file;
    const row = found?.kind === 'run' ? runs.byDir(found.runDir) : undefined;
    if (row) return specs.locate(row).file;
    return pickSpec(specs, title);
  };

  const open = async (file: string) => {
    await vscode.window.showTextDocument(vscode.Uri.file(file), { preview: false });
    await specs.find(true);
    await milestones.reached('added');
  };

  /** Lets the core write a spec that starts from a model: it inspects the model and adapts the settings. */
  const branch = async (checkpoint: string, { file, method, choices }: NewSpec) => {
    const chosen = choices ? settingsOf(choices, file) : [];
    const args = [
      ...['branch', checkpoint, file, '--method', method],
      ...(choices ? ['--fresh'] : []),
      ...chosen.flatMap(([key, value]) => ['--set', `${key}=${JSON.stringify(value)}`]),
    ];
    await vscode.window.withProgress(
      { location: vscode.ProgressLocation.Window, title: vscode.l10n.t('Writing {0}', path.basename(file)) },
      () => cli.json(args, branched, { cwd: path.dirname(file) }),
    );
  };

  /** Runs a function on a spec; if it fails with an error that a change of the spec would fix, offers that change. */
  const mending = async (file: string, work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      const mend = error.fixes.slice(0, 1).map(({ title, key, value }) => ({
        title,
        run: async () => {
          const document = await vscode.workspace.openTextDocument(vscode.Uri.file(file));
          await vscode.workspace.applyEdit(editOf(document, key, value));
          await vscode.window.showTextDocument(document, { preview: false });
        },
      }));
      const show = {
        title: vscode.l10n.t('Open Spec'),
        run: () => vscode.window.showTextDocument(vscode.Uri.file(file), { preview: false }),
      };
      void reporter.error(error, ...mend, show);
    }
  };

  /** Saves a spec and starts it. @param machine where; otherwise where the spec says */
  const run = (file: string, machine?: MachineItem) =>
    mending(file, async () => {
      const document = vscode.workspace.textDocuments.find(({ uri }) => uri.fsPath === file);
      if (document?.isDirty && !(await document.save()))
        throw new UserError(
          'spec.not-saved',
          vscode.l10n.t('{0} could not be saved.', path.basename(file)),
          vscode.l10n.t('Save it, then run it.'),
        );
      const on = machine?.on === undefined ? [] : ['--on', machine.on];
      const args = ['run', file, ...on, '--detach', '--runs-dir', runs.runsDirFor(file)];
      const cwd = path.dirname(file);
      const made =
        machine === undefined || machine.on === LOCAL
          ? await vscode.window.withProgress(
              { location: vscode.ProgressLocation.Window, title: vscode.l10n.t('Starting {0}', path.basename(file)) },
              () => cli.json(args, started, { cwd }),
            )
          : // Sending a model can take minutes.
            await notified(vscode.l10n.t('Starting {0} on {1}', path.basename(file), machine.label), (signal) =>
              cli.json(args, started, { cwd, signal }),
            );
      await milestones.reached('ran');
      await runs.refresh(made.dir);
      await experiments.reveal(made.dir);
      await vscode.commands.executeCommand(commandId('openCurves'), { kind: 'run', runDir: made.dir });
    });

  return {
    async newExperiment() {
      const folder = firstFolder();
      const asked = await askNewSpec(await methods.all(), runs, folder.uri.fsPath);
      if (!asked?.choices) return;
      const { model } = asked.choices;
      if (model !== undefined && path.isAbsolute(model)) await branch(model, asked);
      else await writeFileAtomic(asked.file, newSpecText(asked.choices, asked.file));
      await open(asked.file);
    },

    async branchCheckpoint(target) {
      const found = targetOf(target);
      const title = vscode.l10n.t('Branch from which checkpoint?');
      const chosen = found?.kind === 'checkpoint' ? found.path : await pickCheckpoint(runs, { title });
      if (chosen === undefined) return;
      const runDir = found?.kind === 'checkpoint' ? found.runDir : undefined;
      const checkpoint = await checkpointFolder(chosen, runDir);
      const origin = await originOf(checkpoint);
      const kind = origin.known?.kind;
      const able = (await methods.all()).filter(({ starting }) => startFrom(starting, kind));
      const run = origin.run && {
        name: runs.byDir(runDir ?? '')?.name ?? origin.run.spec.name,
        method: origin.run.spec.method,
      };
      const asked = await askNewSpec(able, runs, firstFolder().uri.fsPath, { checkpoint, kind, run });
      if (!asked) return;
      await branch(checkpoint, asked);
      await open(asked.file);
    },

    async runExperiment(target) {
      const file = await fileOf(target, vscode.l10n.t('Run which experiment?'));
      if (file !== undefined) await run(file);
    },

    async runOn(target) {
      const file = await fileOf(target, vscode.l10n.t('Run which experiment?'));
      if (file === undefined) return;
      const addRemote = { label: vscode.l10n.t('Add Remote…'), iconPath: new vscode.ThemeIcon('add') };
      const machines: MachineItem[] = [
        { label: vscode.l10n.t('This machine'), iconPath: new vscode.ThemeIcon('device-desktop'), on: LOCAL },
        ...(await services.remotes.all()).map(({ name, host }) => ({
          label: name,
          description: host === name ? '' : host,
          iconPath: new vscode.ThemeIcon('remote'),
          on: name,
        })),
        addRemote,
      ];
      const title = vscode.l10n.t('Run {0} on which machine?', path.basename(file));
      const chosen = await vscode.window.showQuickPick(machines, { title });
      if (chosen === addRemote) await vscode.commands.executeCommand(commandId('addRemote'));
      else if (chosen) await run(file, chosen);
    },

    async planExperiment(target) {
      const file = await fileOf(target, vscode.l10n.t('Plan which experiment?'));
      if (file === undefined) return;
      const document = await vscode.workspace.openTextDocument(vscode.Uri.file(file));
      await mending(file, async () => {
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
      });
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
      await open(copied);
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
 * Copies a sample into a folder. A sample that needs other files is in a folder `example`, which is copied as a whole.
 * @returns the path of the copied spec, under an unused name
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
