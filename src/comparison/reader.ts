import { comparedRun, type ComparedRun } from '../common/comparison/comparedRun';
import type { ComparisonDefinition } from '../common/comparison/definition';
import type { ComparedVariant } from '../common/comparison/groups';
import { toProblem, type Problem } from '../common/errors';
import { joinPath } from '../runs/files';
import type { QueueItem } from '../runs/queue';
import type { RunEntry, RunStore } from '../runs/store';

/** Where a comparison lies. */
export interface ComparisonPlace {
  /** Key of the workspace folder. */
  readonly root: string;
  /** Folder of the variants, relative to that. */
  readonly folder: string;
}

interface Known {
  readonly updatedAt: number;
  readonly run: ComparedRun;
}

/**
 * Finds what became of each variant: the newest run of its config file. A run names its config in `run.json`, so nothing
 * else is written down about the link, and a variant that is run again by hand counts too.
 */
export class ComparisonReader {
  private readonly known = new Map<string, Known>();

  constructor(
    private readonly store: Pick<RunStore, 'runs' | 'view'>,
    private readonly queue: { readonly items: readonly QueueItem[] },
    private readonly onProblem: (problem: Problem) => void,
  ) {}

  /** The variants as they are now. Objects of runs that did not change are the same as before. */
  async read({ variants }: ComparisonDefinition, place: ComparisonPlace): Promise<ComparedVariant[]> {
    const newest = this.newestRuns(place);
    const found: ComparedVariant[] = [];
    for (const variant of variants) {
      const path = joinPath(place.folder, variant.config);
      const isQueued = this.queue.items.some(item => item.folder === place.root && item.configPath === path);
      const entry = newest.get(path);
      found.push({ ...variant, isQueued, run: entry && (await this.runOf(entry)) });
    }
    return found;
  }

  private newestRuns({ root, folder }: ComparisonPlace): Map<string, RunEntry> {
    const newest = new Map<string, RunEntry>();
    for (const entry of this.store.runs) {
      const { configPath } = entry.summary;
      const isHere = entry.root.key === root && configPath.startsWith(`${folder}/`);
      if (isHere && !newest.has(configPath)) newest.set(configPath, entry);
    }
    return newest;
  }

  private async runOf({ id, summary }: RunEntry): Promise<ComparedRun | undefined> {
    const known = this.known.get(id);
    if (known?.updatedAt === summary.updatedAt) return known.run;
    try {
      const view = await this.store.view(id);
      const run = comparedRun(view);
      this.known.set(id, { updatedAt: view.updatedAt, run });
      return run;
    } catch (error) {
      this.onProblem(toProblem(error));
      return undefined;
    }
  }
}
