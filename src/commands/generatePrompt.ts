import * as vscode from 'vscode';

export interface Asked {
  readonly prompt: string;
  readonly useCache: boolean;
  /** Times both ways instead of completing the prompt. */
  readonly compare?: boolean;
}

/**
 * Asks for a prompt; buttons in the box turn the key-value cache on and off, and compare both ways. `undefined` if the
 * person cancelled.
 */
export function askPrompt(title: string, proposed: Asked): Promise<Asked | undefined> {
  const box = vscode.window.createInputBox();
  let { useCache } = proposed;
  const compare = {
    iconPath: new vscode.ThemeIcon('graph-line'),
    tooltip: vscode.l10n.t('Compare with and without the key-value cache'),
  };
  const show = () => {
    const state = useCache ? vscode.l10n.t('Key-value cache: on') : vscode.l10n.t('Key-value cache: off');
    box.buttons = [compare, { iconPath: new vscode.ThemeIcon(useCache ? 'zap' : 'circle-slash'), tooltip: state }];
    box.prompt = `${state}. ${vscode.l10n.t('Enter completes the prompt.')}`;
  };
  box.title = title;
  box.value = proposed.prompt;
  box.ignoreFocusOut = true;
  show();
  return new Promise(resolve => {
    const answer = (more: Pick<Asked, 'compare'>) => {
      resolve({ prompt: box.value, useCache, ...more });
      box.hide();
    };
    box.onDidTriggerButton(button => {
      if (button === compare) return answer({ compare: true });
      useCache = !useCache;
      show();
    });
    box.onDidAccept(() => answer({}));
    box.onDidHide(() => {
      resolve(undefined);
      box.dispose();
    });
    box.show();
  });
}
