import * as vscode from 'vscode';

export interface StepItem<T> extends vscode.QuickPickItem {
  readonly value: T;
}

export interface PickStep<T> {
  readonly title: string;
  readonly step: number;
  readonly totalSteps: number;
  readonly placeholder?: string;
  readonly items: readonly (StepItem<T> | (vscode.QuickPickItem & { readonly kind: vscode.QuickPickItemKind }))[];
  readonly many?: boolean;
}

/** What a person did in a step: chose, went back, or left. */
export type StepAnswer<T> =
  { readonly kind: 'chosen'; readonly values: readonly T[] } | { readonly kind: 'back' | 'left' };

/** One question of several, with a button that goes back to the one before. */
export function pickStep<T>(options: PickStep<T>): Promise<StepAnswer<T>> {
  const pick = vscode.window.createQuickPick<vscode.QuickPickItem>();
  const { title, step, totalSteps, placeholder, items, many = false } = options;
  Object.assign(pick, { title, step, totalSteps, placeholder, items, canSelectMany: many, ignoreFocusOut: true });
  if (many) pick.selectedItems = items.filter(item => item.picked === true);
  if (step > 1) pick.buttons = [vscode.QuickInputButtons.Back];
  return new Promise(resolve => {
    const finish = (answer: StepAnswer<T>): void => {
      resolve(answer);
      pick.dispose();
    };
    pick.onDidTriggerButton(() => finish({ kind: 'back' }));
    pick.onDidHide(() => finish({ kind: 'left' }));
    pick.onDidAccept(() => {
      const values = pick.selectedItems.flatMap(item => ('value' in item ? [(item as StepItem<T>).value] : []));
      if (values.length > 0) finish({ kind: 'chosen', values });
    });
    pick.show();
  });
}

export interface TextStep {
  readonly title: string;
  readonly step: number;
  readonly totalSteps: number;
  readonly prompt: string;
  readonly value: string;
  readonly validate: (value: string) => string | undefined;
}

/** The same for a line of text. */
export function textStep(options: TextStep): Promise<StepAnswer<string>> {
  const input = vscode.window.createInputBox();
  const { validate, ...shown } = options;
  Object.assign(input, { ...shown, ignoreFocusOut: true });
  if (options.step > 1) input.buttons = [vscode.QuickInputButtons.Back];
  return new Promise(resolve => {
    const finish = (answer: StepAnswer<string>): void => {
      resolve(answer);
      input.dispose();
    };
    const check = (): void => void (input.validationMessage = validate(input.value));
    input.onDidChangeValue(check);
    input.onDidTriggerButton(() => finish({ kind: 'back' }));
    input.onDidHide(() => finish({ kind: 'left' }));
    input.onDidAccept(() => {
      check();
      if (!input.validationMessage) finish({ kind: 'chosen', values: [input.value] });
    });
    input.show();
  });
}

/** A question: takes what is known so far and answers it with more. Returns nothing if there was nothing to ask. */
export type Question<A> = (known: A, step: number, totalSteps: number) => Promise<StepAnswer<Partial<A>>>;

/** Asks one question after the other; going back forgets the last answer. `undefined` if the person left. */
export async function askSteps<A extends object>(start: A, questions: readonly Question<A>[]): Promise<A | undefined> {
  const known: A[] = [start];
  while (known.length <= questions.length) {
    const answer = await questions[known.length - 1](known[known.length - 1], known.length, questions.length);
    if (answer.kind === 'chosen') known.push({ ...known[known.length - 1], ...answer.values[0] });
    else if (answer.kind === 'back' && known.length > 1) known.pop();
    else return undefined;
  }
  return known[known.length - 1];
}
