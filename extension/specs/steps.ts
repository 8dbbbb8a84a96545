import * as vscode from 'vscode';

/** The answer to a question if the user goes back. */
export const BACK = Symbol('back');

/**
 * Asks questions in a sequence: the title shows the number of the step and, once known, of all steps. Back is available from
 * the second on.
 */
export interface StepUi {
  pick<Item extends vscode.QuickPickItem>(
    items: readonly Item[],
    placeholder: string,
  ): Promise<Item | typeof BACK | undefined>;
  ask(
    prompt: string,
    placeholder: string,
    value: string,
    problemOf: (value: string) => string | undefined,
  ): Promise<string | typeof BACK | undefined>;
}

/** One question; it stores its answer itself. */
export interface Step {
  /** Undefined if the user cancels everything. */
  readonly ask: (ui: StepUi) => Promise<'next' | typeof BACK | undefined>;
  /** Its answer decides which questions follow, so the total is unknown until then. */
  readonly decides?: true;
}

/**
 * Asks step by step, and goes back if the user does.
 * @param steps called again after each answer, since later steps may depend on earlier answers
 * @returns whether all steps were answered
 */
export async function runSteps(title: string, steps: () => readonly Step[]): Promise<boolean> {
  for (let at = 0; at < steps().length;) {
    const all = steps();
    const open = all.slice(at).some(({ decides }) => decides);
    const ui = uiOf(title, at, open ? undefined : all.length);
    const result = await all[at]?.ask(ui);
    if (result === undefined) return false;
    at = result === BACK ? Math.max(0, at - 1) : at + 1;
  }
  return true;
}

function uiOf(title: string, at: number, total: number | undefined): StepUi {
  const prepare = (input: vscode.QuickInput & { buttons: readonly vscode.QuickInputButton[] }) => {
    input.title = title;
    input.step = total === undefined ? undefined : at + 1;
    input.totalSteps = total;
    input.ignoreFocusOut = true;
    input.buttons = at > 0 ? [vscode.QuickInputButtons.Back] : [];
  };
  return {
    pick: (items, placeholder) =>
      new Promise((resolve) => {
        const input = vscode.window.createQuickPick<(typeof items)[number]>();
        prepare(input);
        input.items = items;
        input.placeholder = placeholder;
        input.matchOnDescription = true;
        input.matchOnDetail = true;
        input.onDidTriggerButton(() => {
          resolve(BACK);
          input.dispose();
        });
        input.onDidAccept(() => {
          const [chosen] = input.selectedItems;
          if (!chosen) return;
          resolve(chosen);
          input.dispose();
        });
        input.onDidHide(() => {
          resolve(undefined);
          input.dispose();
        });
        input.show();
      }),
    ask: (prompt, placeholder, value, problemOf) =>
      new Promise((resolve) => {
        const input = vscode.window.createInputBox();
        prepare(input);
        input.prompt = prompt;
        input.placeholder = placeholder;
        input.value = value;
        const check = () => {
          input.validationMessage = problemOf(input.value);
        };
        input.onDidChangeValue(check);
        input.onDidTriggerButton(() => {
          resolve(BACK);
          input.dispose();
        });
        input.onDidAccept(() => {
          check();
          if (problemOf(input.value) !== undefined) return;
          resolve(input.value);
          input.dispose();
        });
        input.onDidHide(() => {
          resolve(undefined);
          input.dispose();
        });
        input.show();
      }),
  };
}
