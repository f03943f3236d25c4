import type { Parked } from '../graph/park';
import type { Program } from '../graph/recorder';
import type { StreamPlan, StreamUnit } from './streams';

/** Consecutive dispatches that need nothing from the host, or one unit of weights. */
export interface Section {
  readonly from: number;
  readonly to: number;
  readonly unit?: StreamUnit;
  /** Values that come back from the host before it. */
  readonly back: readonly Parked[];
  /** Values that leave for the host behind it. */
  readonly out: readonly Parked[];
}

/** Splits a program where it passes from one unit of weights to another, and where values leave or come back. */
export function sectionsOf(
  { dispatches, parked = [] }: Pick<Program, 'dispatches' | 'parked'>,
  streams: StreamPlan | undefined,
): Section[] {
  const cuts = new Set(parked.flatMap(({ out, back }) => [out, back]));
  const sections: Section[] = [];
  let from = 0;
  let unit: StreamUnit | undefined;
  const close = (to: number) => {
    const back = parked.filter(one => one.back === from);
    const out = parked.filter(one => one.out === to);
    sections.push({ from, to, unit, back, out });
    from = to;
    unit = undefined;
  };
  dispatches.forEach(({ bindings }, index) => {
    if (cuts.has(index)) close(index);
    for (const tensor of bindings) {
      const needed = streams?.unitOf.get(tensor.id);
      if (!needed || needed === unit) continue;
      if (unit) close(index);
      unit = needed;
    }
  });
  close(dispatches.length);
  return sections;
}
