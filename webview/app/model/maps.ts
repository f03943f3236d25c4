import { valueText, type MapModel } from './cells';
import type { FateMap } from './fates';
import type { HeatRamp } from './heat';
import { differenceFrame, exponentOf, extentOf, formatCell, formatPower, type Frame } from './importance';
import { metricText } from './metrics';

/** What a person chose to see of one metric. */
export interface MapChoice {
  /** All frames of the metric, and the one on show. */
  readonly frames: readonly Frame[];
  readonly frame: Frame;
  /** A second frame beside it, or to take the difference from. */
  readonly pinned?: Frame;
  readonly difference: boolean;
  /** Whether colours span what is on show or all steps. */
  readonly range: 'step' | 'run';
}

/** Colours and fates, which come from elsewhere. */
export interface MapSources {
  readonly ramp: HeatRamp;
  readonly diverging: HeatRamp;
  readonly fates: (step: number) => FateMap | undefined;
}

/** One map, or two with the same colours (the pinned one first), or one with the difference. */
export function mapsOf(choice: MapChoice, sources: MapSources): MapModel[] {
  const { frame, pinned, difference } = choice;
  if (pinned !== undefined && difference) return [differenceMap(frame, pinned, sources)];
  const shown = pinned === undefined ? [frame] : [pinned, frame];
  const extent = extentFor(choice.range === 'run' ? choice.frames : shown);
  const exponent = exponentOf(extent.max);
  return shown.map(one => ({
    frame: one,
    extent,
    exponent,
    colour: sources.ramp,
    fates: sources.fates(one.step),
    name: nameOf(one),
  }));
}

/** What stands at the two ends of the colour scale. */
export function scaleEnds(map: MapModel): [string, string] {
  const { min, max } = map.extent;
  if (metricText(map.frame.table.metric).whole) return [valueText(map, min), valueText(map, max)];
  const sign = map.difference && max > 0 ? '+' : '';
  const low = formatCell(min, map.exponent).replace(/^-/, '−');
  return [low, `${sign}${formatCell(max, map.exponent)}${formatPower(map.exponent)}`];
}

function differenceMap(frame: Frame, pinned: Frame, { diverging, fates }: MapSources): MapModel {
  const changes = differenceFrame(pinned, frame);
  const { min, max } = extentOf([changes]) ?? { min: 0, max: 0 };
  const most = Math.max(-min, max, Number.MIN_VALUE);
  return {
    frame: changes,
    extent: { min: -most, max: most },
    exponent: exponentOf(most),
    colour: diverging,
    fates: fates(frame.step),
    difference: true,
    name: `${metricText(frame.table.metric).label}, from step ${pinned.step} to step ${frame.step}`,
  };
}

function extentFor(frames: readonly Frame[]): { min: number; max: number } {
  const extent = extentOf(frames) ?? { min: 0, max: 0 };
  return metricText(frames[0].table.metric).whole ? { min: 0, max: extent.max } : extent;
}

function nameOf({ step, table }: Frame): string {
  return `${metricText(table.metric).label}, step ${step}`;
}
