import type { TensorTable } from '../graph/builder';
import type { Program } from '../graph/recorder';
import type { Tensor } from '../graph/tensor';
import type { ExecutorOptions, ParamRegion } from '../runtime/executor';
import type { Place } from '../runtime/hostMemory';
import { stepWords } from '../runtime/kernel';
import { optimizerRequests, planHostOptimizer } from './hostOptimizer';
import type { HostRequest } from './hostPlan';
import { alignment, LayoutBuilder, type DeviceLimits } from './layout';
import { livesOf } from './lives';
import { layOutParking, parkingRequests } from './parking';
import { hostRequests, isStreamed, layOutStreams, withRanges } from './streams';
import { layOutTrainables, type Trainables } from './trainables';

/**
 * Memory of an engine, decided before any of it exists. `buffers` on the device and `host` off it are the forecast and
 * the shopping list.
 */
export interface EnginePlan<Name extends string> extends ExecutorOptions {
  readonly regions: Readonly<Record<Name, ParamRegion>>;
  readonly trainables: Trainables;
  /** Blocks off the device. */
  readonly host: readonly HostRequest[];
}

export interface EnginePlanInput<Name extends string> {
  readonly table: TensorTable;
  readonly limits: DeviceLimits;
  /** Gradient tensors by parameter id, from the recorded training program. */
  readonly gradients: ReadonlyMap<number, Tensor>;
  /** All programs that will run on these buffers, each recorded for its largest number of tokens. */
  readonly programs: (trainables: Trainables) => Readonly<Record<Name, Program>>;
  readonly readbackBytes: number;
  /** Where base matrices wait for their turn; on the device without it. */
  readonly weightsWait?: Place;
  /** Where moments wait, with AdamW done on the host; on the device without it. */
  readonly momentsWait?: Place;
  /** Where the inputs of checkpointed blocks wait for their backward pass. */
  readonly activationsWait?: Place;
  /** Most values of one small read-back (accumulators, an importance report); asked once the programs are known. */
  readonly ringValues?: () => number;
}

/** Label of the arena of what never trains. */
export function frozenLabel(category: 'weights' | 'adapter'): string {
  return `frozen ${category}`;
}

/** Small read-backs under way at once: two steps in flight, each with accumulators and perhaps importance. */
const ringSlots = 4;

/**
 * Arenas by category: frozen weights and adapters, trained tensors with gradients and moments, small state, inputs,
 * then activations and workspace packed by lifetime over all programs, and the fixed staging buffers.
 */
export function planEngine<Name extends string>(input: EnginePlanInput<Name>): EnginePlan<Name> {
  const layout = new LayoutBuilder(input.limits);
  const { weightsWait, activationsWait } = input;
  const streamed = new Set(weightsWait ? input.table.parameters.filter(isStreamed) : []);
  const frozen = input.table.parameters.filter(spec => !spec.trainable && !streamed.has(spec));
  for (const category of ['weights', 'adapter'] as const) {
    const members = frozen.filter(spec => spec.category === category).map(spec => spec.tensor);
    layout.bump(frozenLabel(category), category, members);
  }
  const units = weightsWait && streamed.size > 0 ? layOutStreams(layout, [...streamed], weightsWait) : undefined;
  const trainables = layOutTrainables(layout, {
    parameters: input.table.parameters,
    gradients: input.gradients,
    momentsOnHost: input.momentsWait !== undefined,
    streams: units,
  });
  const streams = units && withRanges(units, trainables.ranges);
  const programs = input.programs(trainables);
  layout.bump('method state', 'optimizer', input.table.methodStates);
  layout.bump('key-value cache', 'kvCache', input.table.caches);
  layout.bump('inputs and accumulators', 'staging', [...input.table.inputs, ...input.table.states]);
  const lives = livesOf(Object.values<Program>(programs));
  layout.pack('activations', 'activations', lives.activations);
  layout.pack('workspace', 'workspace', lives.workspace);
  const regions = {} as Record<Name, ParamRegion>;
  let offset = 0;
  for (const name of Object.keys(programs) as Name[]) {
    regions[name] = { offset, dispatches: programs[name].dispatches.length };
    offset += programs[name].dispatches.length * alignment;
  }
  const { momentsWait } = input;
  const hostOptimizer = momentsWait && planHostOptimizer(layout, { trainables, streams, place: momentsWait });
  const parked = Object.values<Program>(programs).flatMap(program => program.parked ?? []);
  const parking = activationsWait && layOutParking(layout, parked, activationsWait);
  return {
    paramBuffer: layout.plain('dispatch parameters', 'staging', Math.max(offset, alignment), 'uniform'),
    stepBuffer: layout.plain('step values', 'staging', stepWords * 4, 'uniform'),
    ringBuffers: Array.from({ length: ringSlots }, (_, slot) =>
      layout.plain(`read-back slot ${slot + 1}`, 'staging', (input.ringValues?.() ?? 1) * 4, 'readback'),
    ),
    readbackBuffer: layout.plain('read-back', 'staging', input.readbackBytes, 'readback'),
    buffers: layout.buffers,
    placements: layout.placements,
    regions,
    trainables,
    streams,
    hostOptimizer,
    parking,
    host: [
      ...(streams ? hostRequests(streams) : []),
      ...(hostOptimizer ? optimizerRequests(hostOptimizer) : []),
      ...(parking ? parkingRequests(parking) : []),
    ],
  };
}
