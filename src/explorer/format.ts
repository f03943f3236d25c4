import type { RunView } from '../common/run/view';
import { timeLeft } from '../common/run/fold';

/** A loss with four significant digits, e.g. `1.923`. */
export function formatLoss(loss: number): string {
  if (!Number.isFinite(loss)) return String(loss);
  return loss >= 1000 ? loss.toExponential(2) : loss.toPrecision(4);
}

/** `42 s`, `4 min`, `2 h 05 min`. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

/** Whole percent of the steps done, `undefined` while their number is unknown. */
export function percentDone({ step, totalSteps }: { step: number; totalSteps: number }): number | undefined {
  return totalSteps > 0 ? Math.min(100, Math.floor((100 * step) / totalSteps)) : undefined;
}

/** `loss 1.923 · 1400 tokens/s · 4 min`: what is known about a run that is going on; lines break between its parts only. */
export function runDetail(view: RunView): string {
  const loss = view.metrics.loss.at(-1);
  const rate = view.metrics.tokensPerSecond.at(-1);
  const left = timeLeft(view);
  return [
    loss === undefined ? undefined : `loss ${formatLoss(loss)}`,
    rate === undefined || !Number.isFinite(rate) ? undefined : `${Math.round(rate)} tokens/s`,
    left === undefined ? undefined : formatDuration(left),
  ]
    .filter(part => part !== undefined)
    .map(part => part.replaceAll(' ', '\u00a0'))
    .join(' · ');
}
