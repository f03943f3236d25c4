import { passes, type AdapterRates } from '../config/stepTime';
import { median } from './series';
import type { RunView } from './view';

/** What runs on one adapter, newest first, say about its speed; undefined while none has three steps. */
export function adapterRates(runs: readonly RunView[]): AdapterRates | undefined {
  const timed = runs.filter(({ metrics, totalParameters }) => metrics.stepMs.length >= 3 && totalParameters > 0);
  const [newest] = timed;
  const work = newest && workRate(newest);
  if (work === undefined) return undefined;
  const moved = timed.find(({ transfers }) => transfers && transfers.up + transfers.down > 0)?.transfers;
  return moved ? { work, waitPerByte: moved.ms / (moved.up + moved.down) } : { work };
}

/** Values times tokens a millisecond, without what a step waited for transfers. */
function workRate({ metrics, manifest, totalParameters, transfers }: RunView): number | undefined {
  const stepMs = median(metrics.stepMs);
  const tokens = median(metrics.tokens);
  if (stepMs === undefined || tokens === undefined) return undefined;
  // The wait is that of one step and may be above the median: a step computes for a tenth of its time at least.
  const computing = Math.max(stepMs - (transfers?.ms ?? 0), stepMs / 10);
  return (tokens * totalParameters * passes(manifest.config)) / computing;
}
