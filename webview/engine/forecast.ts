import type { RunConfig } from '../../src/common/config/schema';
import type { MemoryBytes, Timeline, TimelinePoint } from '../../src/common/run/events';
import { optimizerTraffic } from './memory/hostOptimizer';
import { hostBytes } from './memory/hostPlan';
import { bytesByCategory, defaultLimits, type DeviceLimits } from './memory/layout';
import { liveBytes } from './memory/lives';
import { activationTraffic, parameterTraffic, stepTraffic, type StepTraffic } from './memory/traffic';
import { methodOf } from './methods/methodOf';
import type { ModelConfig } from './model/config';
import { baseStorage } from './model/storage';
import {
  parameterCounts,
  planPrograms,
  roundStream,
  stepPrograms,
  type CacheSize,
  type EnginePrograms,
  type EngineSpec,
} from './train/programs';

/** Memory of a run before it exists. The engine creates exactly these bytes. */
export interface Forecast {
  readonly bytes: MemoryBytes;
  /** On the device. */
  readonly total: number;
  /** In host memory and on disk, in place of device memory. */
  readonly host: number;
  readonly disk: number;
  /** What travels in an optimizer step with its full number of micro-batches. */
  readonly transfers: StepTraffic;
  /** Where within a step most is live. */
  readonly peak: PeakPoint;
  readonly trainableParameters: number;
  readonly totalParameters: number;
  /** Largest single buffer, to hold against `maxBufferSize`. */
  readonly largestBuffer: number;
  /** Memory within a training step. */
  readonly timeline: Timeline;
}

export interface PeakPoint extends Pick<TimelinePoint, 'op' | 'phase'> {
  /** Transformer block of the op, if it has one. */
  readonly block?: number;
  /** Live bytes on the device. */
  readonly bytes: number;
}

/** Facts about the data that tighten the forecast; without them every example is as long as `data.max_length`. */
export interface DataLengths {
  /** Longest training and evaluation example in tokens. */
  readonly train: number;
  readonly evaluate: number;
  /** Longest sample prompt in tokens. */
  readonly prompt: number;
}

/**
 * Plans the run without a GPU. Pure and fast (milliseconds), so the editor calls it on every keystroke.
 * @throws problems of the method (no target matches …) and `memory.binding` when a tensor passes the adapter's limits.
 */
export function forecast(
  config: RunConfig,
  model: ModelConfig,
  limits: DeviceLimits = defaultLimits,
  lengths?: DataLengths,
): Forecast {
  const totalSteps = config.training.max_steps > 0 ? config.training.max_steps : unknownSteps;
  const method = methodOf({ config, model, modelName: '', passthrough: {}, totalSteps });
  return forecastOf(planPrograms(engineSpec({ config, model, method, limits, lengths, profile: 'gpu' })));
}

/** Schedules that depend on the length of the run do not change its memory. */
const unknownSteps = 1000;

/** The forecast of programs that are already planned. */
export function forecastOf(programs: EnginePrograms): Forecast {
  const { buffers, host } = programs.plan;
  const onDevice = bytesByCategory(buffers);
  const offDevice = hostBytes(host);
  const counts = parameterCounts(programs);
  const { timeline, peak } = timelineOf(programs, onDevice);
  return {
    bytes: { ...onDevice, ...offDevice },
    total: buffers.reduce((sum, buffer) => sum + buffer.bytes, 0),
    host: offDevice.offloadedCpu ?? 0,
    disk: offDevice.offloadedDisk ?? 0,
    transfers: transfersOf(programs),
    trainableParameters: counts.trainable,
    totalParameters: counts.total,
    largestBuffer: Math.max(...buffers.map(buffer => buffer.bytes)),
    timeline,
    peak,
  };
}

/** Each kind of transfer counts its own. */
function transfersOf({ plan, largest, spec }: EnginePrograms): StepTraffic {
  const times = spec.microBatches ?? 1;
  return stepTraffic({
    parameters: parameterTraffic({
      streams: plan.streams,
      train: largest.train,
      times,
      optimizer: largest.optimizer,
      updatesOnHost: plan.hostOptimizer !== undefined,
    }),
    optimizer: optimizerTraffic(plan.hostOptimizer),
    activations: activationTraffic(plan.parking, times),
  });
}

export interface SpecInput extends Pick<EngineSpec, 'model' | 'method' | 'limits' | 'profile'> {
  readonly config: RunConfig;
  readonly lengths?: DataLengths;
}

/** What a config makes of the engine: stream sizes and storage. */
export function engineSpec({ config, model, method, limits, profile, lengths }: SpecInput): EngineSpec {
  const { data, training, samples, memory } = config;
  const virtual = method.virtualTokens?.count ?? 0;
  const room = model.maxPositions - virtual;
  const cap = Math.min(data.max_length, model.family === 'gpt2' ? room : data.max_length);
  const train = Math.min(cap, lengths?.train ?? cap);
  const shots = config.method.type === 'few-shot' ? config.method.shots : undefined;
  const shown = shots === undefined ? cap : Math.min(room, cap * (shots + 1));
  const evaluate = data.eval === undefined ? 0 : Math.min(shown, lengths?.evaluate ?? shown);
  const prompt = lengths?.prompt ?? Math.min(cap, 64);
  const placeholders = method.virtualTokens?.place === 'input' ? virtual : 0;
  // Few-shot prompting always completes its rows, and looks into the cached passes.
  const matched = training.eval_exact_match || shots !== undefined ? Math.min(evaluate, room) : 0;
  const cached = samples.use_cache || shots !== undefined;
  const sampled = samples.prompts.length === 0 ? 0 : Math.min(prompt + samples.max_new_tokens, room);
  const text = Math.max(sampled, matched);
  return {
    model,
    method,
    limits,
    profile,
    checkpointing: memory.gradient_checkpointing,
    offload: memory.offload,
    betas: [training.adam_beta1, training.adam_beta2],
    storage: baseStorage(memory),
    microBatches: training.gradient_accumulation_steps,
    longest: Math.max(shots === undefined ? train : 1, evaluate, text) + virtual,
    streams: {
      train: shots === undefined ? roundStream((train + placeholders) * training.per_device_train_batch_size) : 0,
      evaluate: evaluate && roundStream((evaluate + placeholders) * training.per_device_eval_batch_size),
      generate: cached || text === 0 ? 0 : text + placeholders,
    },
    cache:
      cached && text > 0
        ? { ...cacheSize(text + virtual, Math.max(prompt, matched) + placeholders), observed: shots !== undefined }
        : undefined,
  };
}

/** Longer prompts are read in several passes, which bounds the memory of one. */
const mostPrefill = 256;

/** A cache for texts of up to `rows` tokens that begin with up to `prompt` at once. */
export function cacheSize(rows: number, prompt: number): CacheSize {
  return { rows, prefill: Math.min(roundStream(prompt), mostPrefill) };
}

function timelineOf(programs: EnginePrograms, bytes: MemoryBytes): { timeline: Timeline; peak: PeakPoint } {
  const parts = stepPrograms(programs).map(program => ({
    dispatches: program.dispatches,
    live: liveBytes(program),
  }));
  const points: TimelinePoint[] = parts.flatMap(({ dispatches, live }) =>
    dispatches.map(({ phase, node }, index) => ({
      phase,
      op: node,
      activations: live.activations[index],
      workspace: live.workspace[index],
    })),
  );
  const fixed: MemoryBytes = { ...bytes, activations: 0, workspace: 0 };
  const base = Object.values(fixed).reduce((sum, value) => sum + value, 0);
  const live = points.map(({ activations, workspace }) => activations + workspace);
  const index = live.reduce((best, size, at) => (size > live[best] ? at : best), 0);
  const highest = base + (live.at(index) ?? 0);
  const dispatch = parts.flatMap(({ dispatches }) => dispatches).at(index);
  return {
    timeline: { points, fixed, peak: { index, bytes: highest } },
    peak: {
      op: dispatch?.node ?? '',
      phase: dispatch?.phase ?? 'forward',
      block: dispatch?.block,
      bytes: highest,
    },
  };
}
