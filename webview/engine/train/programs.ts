import { problem } from '../../../src/common/errors';
import { codeTablesName } from '../formats/codebook';
import { GraphBuilder, TensorTable } from '../graph/builder';
import { idRange, Recorder, type Program } from '../graph/recorder';
import type { Checkpointing } from '../graph/rerun';
import { elements, type Tensor } from '../graph/tensor';
import { planEngine, type EnginePlan } from '../memory/enginePlan';
import type { DeviceLimits } from '../memory/layout';
import type { ImportancePlan, Method, MethodRecorder } from '../methods/method';
import { scalarCount } from '../model/build';
import type { ModelConfig } from '../model/config';
import type { BaseStorage } from '../model/storage';
import { emitAdamW } from '../ops/adamw';
import { emitSgd } from '../ops/sgd';
import { emitSumSquares } from '../ops/reduce';
import type { Place } from '../runtime/hostMemory';
import type { Profile } from '../runtime/kernel';
import { recordModel, recordPreload, type ModelProgram, type RecordedModel } from './modelPrograms';

/** Stream lengths are rounded up to this, so that a run compiles few programs. */
export const streamStep = 32;

/** What decides every program and every byte of a run. */
export interface EngineSpec {
  readonly model: ModelConfig;
  readonly method: Method;
  readonly storage: BaseStorage;
  readonly profile: Profile;
  /** What the backward pass finds kept; everything without it. */
  readonly checkpointing?: Checkpointing;
  readonly offload?: Offload;
  readonly limits: DeviceLimits;
  /** AdamW's β1, β2. */
  readonly betas: readonly [number, number];
  /** Longest sequence in tokens, generation included. */
  readonly longest: number;
  /** Most tokens of a training micro-batch, an evaluation batch, a text generated without cache (not rounded). 0: there is none. */
  readonly streams: { readonly train: number; readonly evaluate: number; readonly generate: number };
  /** Micro-batches of an optimizer step, 1 without it: they decide what travels, and no byte of memory. */
  readonly microBatches?: number;
  /** Absent when nothing is generated with a cache. */
  readonly cache?: CacheSize;
}

/** What waits off the device between uses. */
export interface Offload {
  readonly parameters: 'none' | Place;
  readonly optimizer?: 'none' | Place;
  readonly activations?: 'none' | Place;
}

/** Room of a key-value cache. */
export interface CacheSize {
  /** Most tokens of a text, with what the method puts before it. */
  readonly rows: number;
  /** Most new tokens in one pass; longer prompts take several. */
  readonly prefill: number;
  /** Keeps what the last new token gives to each MLP, for `Engine.mlpInputs`. */
  readonly observed?: boolean;
}

export type ProgramName = ModelProgram | 'optimizer' | 'afterUpdate' | 'importance' | 'preload';

export interface EnginePrograms {
  readonly spec: EngineSpec;
  readonly table: TensorTable;
  readonly plan: EnginePlan<ProgramName>;
  /** Recorded for the largest stream; `recordModel` gives them for smaller ones. */
  readonly largest: Readonly<Record<ProgramName, Program>>;
  /** Accumulators: see `scalarCount`. */
  readonly scalars: Tensor;
  /** Next-token logits [1, V] of each program that ends in them. */
  readonly logits: Readonly<Partial<Record<ModelProgram, Tensor>>>;
  readonly importance?: ImportancePlan;
}

const nothing: Program = { dispatches: [], gradients: new Map() };
export const readbackBytes = 1 << 20;

export function roundStream(tokens: number): number {
  return Math.ceil(tokens / streamStep) * streamStep;
}

function placeOf(offload: 'none' | Place = 'none'): Place | undefined {
  return offload === 'none' ? undefined : offload;
}

/** Records all programs at their largest and plans the memory of the run. Needs no device. */
export function planPrograms(spec: EngineSpec): EnginePrograms {
  checkOffload(spec);
  const table = new TensorTable(spec.streams.train === 0);
  const models = recordModels(spec, table);
  const preload = recordPreload(spec, table);
  const scalars = new GraphBuilder(table).state('scalars', [scalarCount]);
  const programOf = (name: ModelProgram) => models[name]?.program ?? nothing;
  let largest: Record<ProgramName, Program> | undefined;
  let importance: ImportancePlan | undefined;
  const plan = planEngine<ProgramName>({
    table,
    limits: spec.limits,
    gradients: programOf('train').gradients,
    readbackBytes,
    weightsWait: placeOf(spec.offload?.parameters),
    momentsWait: placeOf(spec.offload?.optimizer),
    activationsWait: placeOf(spec.offload?.activations),
    ringValues: () => Math.max(scalarCount, importance?.count ?? 0),
    programs: trainables => {
      const trains = models.train !== undefined;
      if (trains && trainables.specs.length === 0)
        throw problem('method.nothing', 'This configuration trains nothing.', 'Check method.target_modules.');
      const measured = trains ? recordImportance(spec, table, { trainables, scalars }) : undefined;
      importance = measured?.plan;
      largest = {
        train: programOf('train'),
        optimizer: trains ? recordOptimizer(spec, table, { trainables, scalars }) : nothing,
        afterUpdate: trains ? recordAfterUpdate(spec, table, { trainables, scalars }) : nothing,
        importance: measured?.program ?? nothing,
        evaluate: programOf('evaluate'),
        generate: programOf('generate'),
        preload,
        prefill: programOf('prefill'),
        decode: programOf('decode'),
      };
      return largest;
    },
  });
  const logits = Object.fromEntries(Object.entries(models).map(([name, { model }]) => [name, model.logits]));
  return { spec, table, plan, largest: largest as Record<ProgramName, Program>, scalars, logits, importance };
}

/** Only what checkpointing keeps can leave: without it nearly every tensor of the forward pass is read again. */
function checkOffload({ streams, checkpointing, offload }: EngineSpec): void {
  if (streams.train > 0 && placeOf(offload?.activations) && checkpointing !== 'block')
    throw problem(
      'memory.activations',
      `memory.offload.activations moves the inputs of blocks, but gradient_checkpointing ${checkpointing ?? 'none'} keeps more than these.`,
      'Set memory.gradient_checkpointing to block, or memory.offload.activations to none.',
    );
}

type RecordedModels = Partial<Record<ModelProgram, RecordedModel>>;

function recordModels(spec: EngineSpec, table: TensorTable): RecordedModels {
  const { train, evaluate, generate } = spec.streams;
  const { cache } = spec;
  const sizes = {
    train,
    evaluate,
    generate: roundStream(generate),
    prefill: cache?.prefill ?? 0,
    decode: cache ? 1 : 0,
  };
  declareInputs(spec, table, Math.max(...Object.values(sizes)));
  const models: RecordedModels = {};
  for (const name of Object.keys(sizes) as ModelProgram[])
    if (sizes[name] > 0) models[name] = recordModel(spec, table, name, sizes[name]);
  return models;
}

/** Inputs exist once, at the size of the longest stream of any program. */
function declareInputs(spec: EngineSpec, table: TensorTable, longest: number): void {
  const graph = new GraphBuilder(table);
  for (const name of ['tokens', 'positions', 'segment_start', 'segment_end']) graph.input(name, [longest]);
  const labelled = Math.max(spec.streams.train, spec.streams.evaluate);
  if (labelled > 0) graph.input('labels', [labelled]);
}

type Trained = Pick<MethodRecorder, 'trainables' | 'scalars'>;

/** What a method adds, gradient norm, the update (a dispatch per contiguous range) as far as the device does it. */
function recordOptimizer(spec: EngineSpec, table: TensorTable, { trainables, scalars }: Trained): Program {
  const { betas, method } = spec;
  const recorder = new Recorder(spec.profile, 9 * idRange);
  recorder.phase = 'optimizer';
  recorder.node = 'regularization';
  method.regularize?.(methodRecorder(recorder, table, { trainables, scalars }));
  recorder.node = 'gradient norm';
  trainables.gradients.forEach((gradient, index) =>
    emitSumSquares(recorder, gradient, elements(gradient.shape), scalars, 1, index > 0),
  );
  for (const range of trainables.ranges) {
    const { optimizer } = trainables.groups[range.group];
    const { moments } = range;
    recorder.node = optimizer;
    if (optimizer === 'sgd') emitSgd(recorder, { ...range, scalars });
    else if (moments) emitAdamW(recorder, { ...range, ...moments, offset: 0, scalars, betas });
  }
  return { dispatches: recorder.dispatches, gradients: new Map() };
}

/** What a method does once everything is updated. */
function recordAfterUpdate(spec: EngineSpec, table: TensorTable, trained: Trained): Program {
  const recorder = new Recorder(spec.profile, 18 * idRange);
  recorder.phase = 'optimizer';
  recorder.node = spec.method.type;
  spec.method.afterUpdate?.(methodRecorder(recorder, table, trained));
  return { dispatches: recorder.dispatches, gradients: new Map() };
}

function methodRecorder(recorder: Recorder, table: TensorTable, trained: Trained): MethodRecorder {
  return { recorder, ...trained, state: (name, shape) => table.methodState(name, shape) };
}

function recordImportance(spec: EngineSpec, table: TensorTable, trained: Trained) {
  const recorder = new Recorder(spec.profile, 10 * idRange);
  recorder.phase = 'optimizer';
  recorder.node = 'importance';
  const plan = spec.method.importance?.(methodRecorder(recorder, table, trained));
  if (plan) table.states.push(plan.output);
  return { program: { dispatches: recorder.dispatches, gradients: new Map<number, Tensor>() }, plan };
}

/** What runs in a step, in order: a micro-batch and the update, or the evaluation of a run without steps. */
export function stepPrograms({ largest, spec }: EnginePrograms): readonly Program[] {
  return spec.streams.train > 0 ? [largest.train, largest.optimizer, largest.afterUpdate] : [largest.evaluate];
}

/** Trained and all parameters of the run, adapter included. */
export function parameterCounts(programs: EnginePrograms): { trainable: number; total: number } {
  let trainable = 0;
  let total = 0;
  for (const spec of programs.table.parameters) {
    if (spec.tensor.name.startsWith('rope.') || spec.tensor.name === codeTablesName) continue;
    const count = elements(spec.tensor.shape);
    total += count;
    if (spec.trainable) trainable += count;
  }
  return { trainable, total };
}
