import * as vscode from 'vscode';
import type { Timer } from './engine';
import type { StoreRoot } from './store';
import { workspaceFiles } from './workspaceFiles';

/** The workspace folders as the store wants them. */
export function workspaceRoots(): StoreRoot[] {
  return (vscode.workspace.workspaceFolders ?? []).map(({ uri }) => ({
    key: uri.toString(),
    files: workspaceFiles(uri),
  }));
}

/** Tells about runs that appear or vanish otherwise than through this window. */
export function watchRuns(onChange: () => void): vscode.Disposable {
  const watcher = vscode.workspace.createFileSystemWatcher('**/.peft/runs/*/{run,summary}.json');
  return vscode.Disposable.from(
    watcher,
    watcher.onDidCreate(onChange),
    watcher.onDidDelete(onChange),
    watcher.onDidChange(onChange),
  );
}

export const systemTimer: Timer = {
  now: () => Date.now(),
  sleep: ms => new Promise(resolve => setTimeout(resolve, ms)),
  every: (ms, work) => {
    const timer = setInterval(work, ms);
    return { dispose: () => clearInterval(timer) };
  },
};

/** Runs `work` once for a burst of calls, `ms` after the first of them. */
export function gather(ms: number, work: () => void): { call(): void; dispose(): void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    call: () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        work();
      }, ms);
    },
    dispose: () => clearTimeout(timer),
  };
}
