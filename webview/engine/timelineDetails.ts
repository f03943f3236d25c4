import type { Timeline, TimelineTensor, TimelineTransfer } from '../../src/common/run/events';
import { byteLength } from './graph/tensor';
import type { Program } from './graph/recorder';
import { optimizerTraffic, type HostOptimizerPlan } from './memory/hostOptimizer';
import { align } from './memory/layout';
import { livesOf } from './memory/lives';
import { sectionsOf } from './memory/sections';
import type { StreamPlan, StreamUnit } from './memory/streams';
import { stepPrograms, type EnginePrograms } from './train/programs';

/** Tensors that are named at each dispatch. */
const largest = 4;

/**
 * What stands behind the memory curve of a step, for the same dispatches as `forecastOf` has: where something moves
 * between host and device, and the largest tensors. Apart from the forecast, because only a run's log wants it.
 */
export function timelineDetails(programs: EnginePrograms): Pick<Timeline, 'transfers' | 'tensors'> {
  const { streams, hostOptimizer } = programs.plan;
  const parts = stepPrograms(programs);
  const transfers = [
    ...(streams ? weightsMoved(parts, streams) : []),
    ...(hostOptimizer ? updateMoved(parts, hostOptimizer) : []),
  ];
  return { ...(transfers.length > 0 ? { transfers } : {}), tensors: largestTensors(parts) };
}

/**
 * Weights that come to the device, at the dispatch that needs them. In a step after another one, so what that one left
 * in a slot need not come again.
 */
function weightsMoved(parts: readonly Program[], streams: StreamPlan): TimelineTransfer[] {
  const inSlot = new Map<number, StreamUnit>();
  const step = (): TimelineTransfer[] => {
    let start = 0;
    return parts.flatMap(({ dispatches }) => {
      const sections = sectionsOf(dispatches, streams);
      const moves = sections.flatMap(({ from, unit }): TimelineTransfer[] => {
        if (!unit || inSlot.get(unit.slot) === unit) return [];
        inSlot.set(unit.slot, unit);
        return [{ kind: 'parameters', direction: 'up', what: unit.name, bytes: unit.bytes, index: start + from }];
      });
      start += dispatches.length;
      return moves;
    });
  };
  step();
  return step();
}

/** Gradients that go to the host when their norm is known, and the values that come back from there. */
function updateMoved([train, optimizer]: readonly Program[], plan: HostOptimizerPlan): TimelineTransfer[] {
  const { up, down } = optimizerTraffic(plan);
  const index = train.dispatches.length + optimizer.dispatches.length - 1;
  const what = plan.ranges.every(({ copied }) => copied) ? 'gradients' : 'gradients and parameters';
  return [
    { kind: 'optimizer', direction: 'down', what, bytes: down, index },
    { kind: 'optimizer', direction: 'up', what: 'parameters', bytes: up, index },
  ];
}

/** Every planned tensor that is one of the `largest` alive at some dispatch, largest first. */
function largestTensors(parts: readonly Program[]): TimelineTensor[] {
  const lives = livesOf(parts);
  const all = (['activations', 'workspace'] as const).flatMap(category =>
    [...lives[category]].map(([{ name, shape, dtype }, { first, last }]): TimelineTensor => ({
      name,
      category,
      bytes: align(byteLength(shape, dtype)),
      first,
      last,
    })),
  );
  const larger = new Uint32Array(parts.reduce((sum, { dispatches }) => sum + dispatches.length, 0));
  return all
    .sort((a, b) => b.bytes - a.bytes || a.first - b.first)
    .filter(({ first, last }) => {
      const stretch = larger.subarray(first, last + 1);
      const among = stretch.some(count => count < largest);
      stretch.forEach((count, i) => (stretch[i] = count + 1));
      return among;
    });
}
