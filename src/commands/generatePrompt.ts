import * as vscode from 'vscode';

export interface Asked {
  readonly prompt: string;
  readonly useCache: boolean;
}

/** Asks for a prompt; a button in the box turns the key-value cache on and off. `undefined` if the person cancelled. */
export function askPrompt(title: string, proposed: Asked): Promise<Asked | undefined> {
  const box = vscode.window.createInputBox();
  let { useCache } = proposed;
  const show = () => {
    const state = useCache ? vscode.l10n.t('Key-value cache: on') : vscode.l10n.t('Key-value cache: off');
    box.buttons = [{ iconPath: new vscode.ThemeIcon(useCache ? 'zap' : 'circle-slash'), tooltip: state }];
    box.prompt = `${state}. ${vscode.l10n.t('Enter completes the prompt.')}`;
  };
  box.title = title;
  box.value = proposed.prompt;
  box.ignoreFocusOut = true;
  show();
  return new Promise(resolve => {
    box.onDidTriggerButton(() => {
      useCache = !useCache;
      show();
    });
    box.onDidAccept(() => {
      resolve({ prompt: box.value, useCache });
      box.hide();
    });
    box.onDidHide(() => {
      resolve(undefined);
      box.dispose();
    });
    box.show();
  });
}
