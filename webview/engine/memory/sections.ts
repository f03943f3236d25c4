import type { Dispatch } from '../graph/recorder';
import type { StreamPlan, StreamUnit } from './streams';

/** Consecutive dispatches that need nothing from the host, or one unit of weights. */
export interface Section {
  readonly from: number;
  readonly to: number;
  readonly unit?: StreamUnit;
}

/** Splits a program where it passes from one unit of weights to another. */
export function sectionsOf(dispatches: readonly Dispatch[], streams: StreamPlan | undefined): Section[] {
  const sections: Section[] = [];
  let from = 0;
  let unit: StreamUnit | undefined;
  dispatches.forEach(({ bindings }, index) => {
    for (const tensor of bindings) {
      const needed = streams?.unitOf.get(tensor.id);
      if (!needed || needed === unit) continue;
      if (unit) {
        sections.push({ from, to: index, unit });
        from = index;
      }
      unit = needed;
    }
  });
  return [...sections, { from, to: dispatches.length, unit }];
}
