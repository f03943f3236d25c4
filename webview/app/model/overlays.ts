import type { RunView } from '../../../src/common/run/view';
import { describeDifferences } from './run';

/** Colours of runs, in the order in which they are given out; the first is the main run's. */
export const runColours = ['blue', 'orange', 'green', 'purple', 'red', 'teal'] as const;
export type RunColour = (typeof runColours)[number];

/**
 * A colour for each of `ids`, the main run first. An overlay keeps the colour it has in `before`, so that a curve does not
 * change its colour when another one goes; the others get what is free, and with more runs than colours start over.
 */
export function assignColours(ids: readonly string[], before: ReadonlyMap<string, RunColour>): RunColour[] {
  const [main, ...spare] = runColours;
  const kept = new Map<string, RunColour>();
  for (const id of ids.slice(1)) {
    const colour = before.get(id);
    if (colour !== undefined && colour !== main && ![...kept.values()].includes(colour)) kept.set(id, colour);
  }
  const free = spare.filter(colour => ![...kept.values()].includes(colour));
  let next = 0;
  return ids.map((id, i) => (i === 0 ? main : (kept.get(id) ?? free[next++] ?? spare[next % spare.length])));
}

/** What the runs are called in legends: their names, with the time of their start where a name is not unique. */
export function runLabels(runs: readonly RunView[], formatTime: (time: number) => string = localTime): string[] {
  const count = new Map<string, number>();
  for (const { manifest } of runs) count.set(manifest.name, (count.get(manifest.name) ?? 0) + 1);
  return runs.map(({ manifest: { name, createdAt } }) =>
    count.get(name) === 1 ? name : `${name} (${formatTime(createdAt)})`,
  );
}

/** What an overlay changes against the main run, in one line. */
export function overlayHint(overlay: RunView, main: RunView): string {
  const differences = describeDifferences(overlay.manifest.config, main.manifest.config);
  return differences.length === 0 ? `same config as ${main.manifest.name}` : differences.join(', ');
}

/** The steps of the run that has come farthest, for a cursor that reaches every curve. */
export function longestSteps(runs: readonly RunView[]): readonly number[] {
  let longest: readonly number[] = [];
  for (const { metrics } of runs) if ((metrics.step.at(-1) ?? -1) > (longest.at(-1) ?? -1)) longest = metrics.step;
  return longest;
}

function localTime(time: number): string {
  return new Date(time).toLocaleString(undefined, { dateStyle: 'short', timeStyle: 'medium' });
}
