import type { Timeline, TimelineTensor, TimelineTransfer } from '../../src/common/run/events';
import { byteLength } from './graph/tensor';
import type { Program } from './graph/recorder';
import { optimizerTraffic, type HostOptimizerPlan } from './memory/hostOptimizer';
import { align } from './memory/layout';
import { livesOf } from './memory/lives';
import { sectionsOf } from './memory/sections';
import { bytesOf, type StreamPlan, type StreamUnit } from './memory/streams';
import { stepPrograms, type EnginePrograms } from './train/programs';

/** Tensors that are named at each dispatch. */
const largest = 4;

/**
 * What stands behind the memory curve of a step, for the same dispatches as `forecastOf` has: where something moves
 * between host and device, and the largest tensors. Apart from the forecast, because only a run's log wants it.
 */
export function timelineDetails(programs: EnginePrograms): Pick<Timeline, 'transfers' | 'tensors'> {
  const { streams, hostOptimizer, parking } = programs.plan;
  const parts = stepPrograms(programs);
  const transfers = [
    ...(streams ? weightsMoved(parts, streams, hostOptimizer !== undefined) : []),
    ...(parking ? inputsMoved(parts) : []),
    ...(hostOptimizer ? updateMoved(parts, hostOptimizer) : []),
  ];
  const inOrder = transfers.sort((a, b) => a.index - b.index);
  return { ...(inOrder.length > 0 ? { transfers: inOrder } : {}), tensors: largestTensors(parts) };
}

/**
 * Weights that come to the device, at the dispatch that needs them, and go back behind the one that updates them. In a
 * step after another one, so what that one left in a slot need not come again, unless the host has updated it since.
 */
function weightsMoved(parts: readonly Program[], streams: StreamPlan, updatesOnHost: boolean): TimelineTransfer[] {
  const inSlot = new Map<number, StreamUnit>();
  const step = (): TimelineTransfer[] => {
    let start = 0;
    const moves = parts.flatMap((program, part): TimelineTransfer[] => {
      const found = sectionsOf(program, streams).flatMap(({ from, to, unit }): TimelineTransfer[] => {
        if (!unit) return [];
        const move = { kind: 'parameters', what: unit.name } as const;
        const here = inSlot.get(unit.slot) === unit;
        inSlot.set(unit.slot, unit);
        const up = { ...move, direction: 'up', bytes: unit.bytes, index: start + from } as const;
        const down = { ...move, direction: 'down', bytes: bytesOf(unit.trained), index: start + to - 1 } as const;
        return [...(here ? [] : [up]), ...(part === updating ? [down] : [])];
      });
      start += program.dispatches.length;
      return found;
    });
    for (const unit of inSlot.values()) if (updatesOnHost && unit.trained.length > 0) inSlot.delete(unit.slot);
    return moves;
  };
  step();
  return step();
}

/** Index of the optimizer among `stepPrograms`. */
const updating = 1;

/** Inputs of blocks that leave behind the block, and come back when it runs again. */
function inputsMoved(parts: readonly Program[]): TimelineTransfer[] {
  let start = 0;
  return parts.flatMap(({ dispatches, parked = [] }) => {
    const moves = parked.flatMap(({ what, tensor, out, back }): TimelineTransfer[] => {
      const move = { kind: 'activations', what, bytes: byteLength(tensor.shape, tensor.dtype) } as const;
      return [
        { ...move, direction: 'down', index: start + out - 1 },
        { ...move, direction: 'up', index: start + back },
      ];
    });
    start += dispatches.length;
    return moves;
  });
}

/** Gradients that go to the host when their norm is known, and the values that come back from there. */
function updateMoved([train, optimizer]: readonly Program[], plan: HostOptimizerPlan): TimelineTransfer[] {
  const { up, down } = optimizerTraffic(plan);
  const index = train.dispatches.length + optimizer.dispatches.length - 1;
  const what = plan.ranges.some(({ values }) => values === 'device') ? 'gradients and parameters' : 'gradients';
  return [
    { kind: 'optimizer', direction: 'down', what, bytes: down, index },
    ...(up > 0 ? [{ kind: 'optimizer', direction: 'up', what: 'parameters', bytes: up, index } as const] : []),
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
