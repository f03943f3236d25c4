import * as vscode from 'vscode';
import { toProblem, type Problem } from '../common/errors';

export type CommandHandler = (...args: unknown[]) => unknown;

/** Registers commands that may simply throw: the failure is logged and shown once, with its next step. */
export class Registrar implements vscode.Disposable {
  private readonly registered: vscode.Disposable[] = [];

  constructor(private readonly log: vscode.LogOutputChannel) {}

  /** Registers all commands of a map from id to handler. */
  addAll(commands: Readonly<Record<string, CommandHandler>>): void {
    for (const [id, handler] of Object.entries(commands)) this.add(id, handler);
  }

  /** Shows a problem of which no command's caller hears. */
  report(problem: Problem): void {
    this.log.error(`${problem.code}: ${problem.message} ${problem.hint}`);
    void this.show(problem);
  }

  dispose(): void {
    vscode.Disposable.from(...this.registered).dispose();
  }

  private add(id: string, handler: CommandHandler): void {
    const run = async (...args: unknown[]) => {
      try {
        return await handler(...args);
      } catch (error) {
        if (error instanceof Error && error.stack) this.log.debug(error.stack);
        this.report(toProblem(error));
        return undefined;
      }
    };
    this.registered.push(vscode.commands.registerCommand(id, run));
  }

  private async show({ message, hint }: Problem): Promise<void> {
    const showOutput = vscode.l10n.t('Show Output');
    const chosen = await vscode.window.showErrorMessage(`${message} ${hint}`, showOutput);
    if (chosen === showOutput) this.log.show();
  }
}
