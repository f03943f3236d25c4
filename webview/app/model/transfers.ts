import type { RunView } from '../../../src/common/run/view';
import type { Fact } from './facts';
import { formatBytes, formatMilliseconds, formatPercent } from './format';

/** From this share of a step on, the wait is said in a sentence. */
const notableShare = 0.1;
const nearlyAll = 0.95;

export interface TransferModel {
  readonly facts: readonly Fact[];
  /** Where the wait is long: a sentence that says so. */
  readonly notice?: string;
}

/**
 * What offloading moved for the latest step and how long the engine waited for it, or undefined for a run that moves
 * nothing.
 */
export function transferModel({ transfers, metrics }: RunView): TransferModel | undefined {
  if (transfers === undefined) return undefined;
  const { step, up, down, ms } = transfers;
  const at = metrics.step.lastIndexOf(step);
  const share = at < 0 ? undefined : Math.min(1, ms / metrics.stepMs[at]);
  const parts = [`${formatBytes(up)} up`, ...(down > 0 ? [`${formatBytes(down)} down`] : [])];
  const waited = share === undefined ? undefined : `${formatPercent(share)} of the step`;
  return {
    facts: [
      { label: 'Moved', value: parts.join(', '), note: `for step ${step.toLocaleString('en-US')}` },
      { label: 'Waited', value: formatMilliseconds(ms), note: waited },
    ],
    notice:
      share === undefined || share < notableShare
        ? undefined
        : `${share >= nearlyAll ? 'Nearly all' : formatPercent(share)} of a step passes while the engine waits for offloaded data, or for room to put it; the GPU may compute meanwhile.`,
  };
}
