import * as vscode from 'vscode';
import type { AdapterRates } from '../common/config/stepTime';
import { adapterRates } from '../common/run/adapterRates';
import type { AdapterInfo } from '../common/run/events';
import type { RunStore } from '../runs/store';

/** Runs that are looked at: one of them may have offloaded something. */
const mostRuns = 4;

/** How fast the GPU was in the newest completed runs of the workspace. */
export class KnownRates implements vscode.Disposable {
  private rates: AdapterRates | undefined;
  private looked = '';
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly listening: vscode.Disposable;
  readonly onDidChange = this.changed.event;

  /** `adapter`: the GPU of now; until it is known, the one of the newest run stands for it. */
  constructor(
    private readonly store: Pick<RunStore, 'runs' | 'view' | 'onDidChange'>,
    private readonly adapter: () => AdapterInfo | undefined,
  ) {
    this.listening = vscode.Disposable.from(
      this.changed,
      store.onDidChange(() => void this.look()),
    );
  }

  get current(): AdapterRates | undefined {
    return this.rates;
  }

  dispose(): void {
    this.listening.dispose();
  }

  private async look(): Promise<void> {
    const done = this.store.runs.filter(({ summary }) => summary.state === 'completed').slice(0, mostRuns);
    const which = done.map(({ id }) => id).join();
    if (which === this.looked) return;
    this.looked = which;
    // A run that cannot be read, or was deleted meanwhile, says nothing.
    const read = await Promise.all(done.map(({ id }) => this.store.view(id).catch(() => undefined)));
    const views = read.filter(view => view !== undefined);
    const name = nameOf(this.adapter() ?? views[0]?.adapter);
    this.rates = adapterRates(views.filter(view => nameOf(view.adapter) === name));
    this.changed.fire();
  }
}

function nameOf(adapter: AdapterInfo | undefined): string | undefined {
  return adapter && [adapter.vendor, adapter.architecture, adapter.description].join(' ');
}
