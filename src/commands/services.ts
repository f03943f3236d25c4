import type * as vscode from 'vscode';
import type { Comparisons } from '../comparison/panels';
import type { FactSource } from '../configEditor/facts';
import type { Overlays } from '../dashboard/overlays';
import type { Dashboards } from '../dashboard/panels';
import type { Estimates } from '../estimate/panels';
import type { EngineView } from '../engineView/view';
import type { RunController } from '../runs/controller';
import type { RunQueue } from '../runs/queue';
import type { Scheduler } from '../runs/scheduler';
import type { RunStore } from '../runs/store';

/** What commands act on. */
export interface Services {
  readonly extensionUri: vscode.Uri;
  readonly log: vscode.LogOutputChannel;
  readonly store: RunStore;
  readonly controller: RunController;
  readonly queue: RunQueue;
  readonly scheduler: Scheduler;
  readonly engine: EngineView;
  readonly dashboards: Dashboards;
  readonly overlays: Overlays;
  readonly comparisons: Comparisons;
  readonly estimates: Estimates;
  /** What the editor knows about a config beyond its text. */
  readonly facts: FactSource;
  /** Reads all runs from disk again. */
  readonly refresh: () => Promise<void>;
}
