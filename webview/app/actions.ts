import { toProblem } from '../../src/common/errors';
import type { DashboardAction, EngineCommand } from '../../src/common/protocol';
import type { Host } from './host';
import type { Store } from './store';
import { toCsv, type TableModel } from './model/table';

/** What a person can do on this page; a refusal appears as a banner. */
export interface Actions {
  command(command: EngineCommand): void;
  invoke(action: DashboardAction): void;
  /** Takes a run out of the charts of all dashboards. */
  removeOverlay(runId: string): void;
  saveTable(name: string, table: TableModel): void;
  /** `name` with its ending, e.g. `importance.svg`. */
  saveText(name: string, text: string): void;
  saveImage(name: string, image: Blob | undefined): void;
}

/** Binds the actions to the main run on show. */
export function createActions(host: Host, store: Store): Actions {
  const attempt = (request: Promise<unknown>): void => {
    request.catch((error: unknown) => store.setFailure(toProblem(error)));
  };
  const withRun = (act: (runId: string, runName: string) => Promise<unknown>): void => {
    const run = store.state.runs[0];
    if (run !== undefined) attempt(act(run.manifest.id, run.manifest.name));
  };
  const { connection } = host;
  return {
    command: command => withRun(runId => connection.request('command', { runId, command })),
    invoke: action => withRun(runId => connection.request('invoke', { runId, action })),
    removeOverlay: runId => attempt(connection.request('overlay', { runId, shown: false })),
    saveTable: (name, table) =>
      withRun((_, run) => connection.request('save', { name: `${run}-${name}.csv`, content: toCsv(table) })),
    saveText: (name, text) =>
      withRun((_, run) => connection.request('save', { name: `${run}-${name}`, content: text })),
    saveImage: (name, image) =>
      withRun(async (_, run) => {
        if (image === undefined) return;
        const content = new Uint8Array(await image.arrayBuffer());
        await connection.request('save', { name: `${run}-${name}.png`, content });
      }),
  };
}
