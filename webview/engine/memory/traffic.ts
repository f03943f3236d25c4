import type { Transfer } from '../../../src/common/run/events';
import type { Program } from '../graph/recorder';
import { parkingRequests, type ParkingPlan } from './parking';
import { sectionsOf } from './sections';
import { bytesOf, type StreamPlan, type StreamUnit } from './streams';

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

/** What uses weights in an optimizer step. */
export interface StreamedStep {
  readonly streams?: StreamPlan;
  readonly train: Program;
  /** Runs of `train`. */
  readonly times: number;
  readonly optimizer: Program;
  /** The host updates what trains, so that what is in a slot is out of date. */
  readonly updatesOnHost: boolean;
}

/**
 * Weights that come to the device in a step, each unit as often as another one was in its slot before it, and go back
 * where the device has updated them. Counted behind another step: what it leaves in the slots need not come again.
 */
export function parameterTraffic({ streams, train, times, optimizer, updatesOnHost }: StreamedStep): Traffic {
  if (!streams) return { up: 0, down: 0 };
  const unitsOf = (program: Program) => sectionsOf(program, streams).flatMap(({ unit }) => unit ?? []);
  const [trained, updated] = [unitsOf(train), unitsOf(optimizer)];
  const order = [...Array.from({ length: times }, () => trained).flat(), ...updated];
  const inSlot = new Map<number, StreamUnit>();
  const step = (): number => {
    let up = 0;
    for (const unit of order) {
      if (inSlot.get(unit.slot) !== unit) up += unit.bytes;
      inSlot.set(unit.slot, unit);
    }
    for (const unit of inSlot.values()) if (updatesOnHost && unit.trained.length > 0) inSlot.delete(unit.slot);
    return up;
  };
  step();
  return { up: step(), down: updated.reduce((sum, { trained }) => sum + bytesOf(trained), 0) };
}

/** Inputs of blocks that leave and come back in each of `times` micro-batches, at the longest; shorter streams move less. */
export function activationTraffic(parking: ParkingPlan | undefined, times: number): Traffic {
  const each = parking ? parkingRequests(parking).reduce((sum, { bytes }) => sum + bytes, 0) : 0;
  const bytes = each * times;
  return { up: bytes, down: bytes };
}
