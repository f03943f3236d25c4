/** What the engine's planner says about a run of the model in the box, as events of a run. */
import shape from '../../media/models/tiny/config.json';
import type { RunConfig } from '../../src/common/config/schema';
import type { TrainEvent, Transfer } from '../../src/common/run/events';
import { engineSpec, forecastOf } from '../../webview/engine/forecast';
import { defaultLimits } from '../../webview/engine/memory/layout';
import { methodOf } from '../../webview/engine/methods/methodOf';
import { parseModelConfig } from '../../webview/engine/model/config';
import { planPrograms } from '../../webview/engine/train/programs';
import { timelineDetails } from '../../webview/engine/timelineDetails';

/** The memory and the timeline of the run, and what a step of it moves, in so many milliseconds a transfer. */
export function plannedEvents(config: RunConfig, step: number, ms: number): TrainEvent[] {
  const model = parseModelConfig(JSON.stringify(shape), 'builtin:tiny');
  const totalSteps = config.training.max_steps;
  const method = methodOf({ config, model, modelName: 'builtin:tiny', passthrough: {}, totalSteps });
  const programs = planPrograms(engineSpec({ config, model, method, limits: defaultLimits, profile: 'gpu' }));
  const { bytes, timeline } = forecastOf(programs);
  const details = timelineDetails(programs);
  const events: TrainEvent[] = [
    { type: 'memory', forecast: bytes, measured: bytes },
    { type: 'timeline', ...timeline, ...details },
  ];
  if (details.transfers === undefined) return events;
  const micro = details.transfers.map(({ kind, direction, what, bytes }) => ({ kind, direction, what, bytes, ms }));
  const list = Array.from({ length: config.training.gradient_accumulation_steps }, () => micro).flat();
  return [...events, transfersOf(step, list)];
}

function transfersOf(step: number, list: readonly Transfer[]): TrainEvent {
  const sum = (part: (transfer: Transfer) => number): number => list.reduce((total, one) => total + part(one), 0);
  const moved = (direction: Transfer['direction']): number => sum(one => (one.direction === direction ? one.bytes : 0));
  return { type: 'transfers', step, up: moved('up'), down: moved('down'), ms: sum(one => one.ms), list };
}
