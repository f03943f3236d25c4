import type { Transfer } from '../../../src/common/run/events';
import type { Program } from '../graph/recorder';
import { parkingRequests, type ParkingPlan } from './parking';
import { sectionsOf } from './sections';
import type { StreamPlan } from './streams';

/** Bytes from the host to the device and back. */
export interface Traffic {
  readonly up: number;
  readonly down: number;
}

/** What travels in one optimizer step: in all, and by what it is; a kind that stays is left out. */
export interface StepTraffic extends Traffic {
  readonly kinds: Readonly<Partial<Record<Transfer['kind'], Traffic>>>;
}

/** Adds up what the parts of a step move. */
export function stepTraffic(parts: Readonly<Partial<Record<Transfer['kind'], Traffic>>>): StepTraffic {
  const moving = Object.entries(parts).filter(([, { up, down }]) => up + down > 0);
  const sum = (direction: keyof Traffic) => moving.reduce((total, [, traffic]) => total + traffic[direction], 0);
  return { up: sum('up'), down: sum('down'), kinds: Object.fromEntries(moving) };
}

/**
 * Weights that come to the device for `times` runs of a program in a row, each unit as often as another one was in its
 * slot before it. Counted when the program has run once: what it leaves in the slots need not come again.
 */
export function parameterTraffic(program: Program, streams: StreamPlan | undefined, times: number): Traffic {
  if (!streams) return { up: 0, down: 0 };
  const units = sectionsOf(program, streams).flatMap(({ unit }) => unit ?? []);
  const inSlot = new Map(units.map(unit => [unit.slot, unit]));
  let once = 0;
  for (const unit of units) {
    if (inSlot.get(unit.slot) !== unit) once += unit.bytes;
    inSlot.set(unit.slot, unit);
  }
  return { up: once * times, down: 0 };
}

/** Inputs of blocks that leave and come back in each of `times` micro-batches, at the longest; shorter streams move less. */
export function activationTraffic(parking: ParkingPlan | undefined, times: number): Traffic {
  const each = parking ? parkingRequests(parking).reduce((sum, { bytes }) => sum + bytes, 0) : 0;
  const bytes = each * times;
  return { up: bytes, down: bytes };
}
