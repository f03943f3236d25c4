import { problem } from '../../../src/common/errors';
import { GraphBuilder, TensorTable } from '../graph/builder';
import { idRange, record, Recorder, type Program } from '../graph/record';
import { elements, type Tensor } from '../graph/tensor';
import { planEngine, type EnginePlan } from '../memory/enginePlan';
import type { DeviceLimits } from '../memory/layout';
import type { ImportancePlan, Method, MethodRecorder } from '../methods/method';
import { buildModel, scalarCount, type BuiltModel, type Goal } from '../model/build';
import type { ModelConfig } from '../model/config';
import { emitAdamW } from '../ops/adamw';
import { emitSgd } from '../ops/sgd';
import { emitSumSquares } from '../ops/reduce';
import type { Profile } from '../runtime/kernel';

/** Stream lengths are rounded up to this, so that a run compiles few programs. */
export const streamStep = 32;

/** What decides every program and every byte of a run. */
export interface EngineSpec {
  readonly model: ModelConfig;
  readonly method: Method;
  readonly baseDtype: 'f32' | 'f16';
  readonly profile: Profile;
  readonly limits: DeviceLimits;
  /** AdamW's β1, β2. */
  readonly betas: readonly [number, number];
  /** Longest sequence in tokens, generation included. */
  readonly longest: number;
  /** Most tokens of a training micro-batch, an evaluation batch, a generated text. 0: there is none. */
  readonly streams: { readonly train: number; readonly evaluate: number; readonly generate: number };
}

export type ProgramName = 'train' | 'optimizer' | 'importance' | 'evaluate' | 'generate';

export interface EnginePrograms {
  readonly spec: EngineSpec;
  readonly table: TensorTable;
  readonly plan: EnginePlan<ProgramName>;
  /** Recorded for the largest stream; `recordModel` gives them for smaller ones. */
  readonly largest: Readonly<Record<ProgramName, Program>>;
  readonly model: BuiltModel;
  readonly logits?: Tensor;
  readonly importance?: ImportancePlan;
}

const nothing: Program = { dispatches: [], gradients: new Map() };
export const readbackBytes = 1 << 20;

export function roundStream(tokens: number): number {
  return Math.ceil(tokens / streamStep) * streamStep;
}

/** Records all programs at their largest and plans the memory of the run. Needs no device. */
export function planPrograms(spec: EngineSpec): EnginePrograms {
  const table = new TensorTable();
  const { train, evaluate, generate } = spec.streams;
  declareInputs(spec, table, Math.max(train, evaluate, generate));
  const trained = recordModel(spec, table, 'train', train);
  const evaluated = evaluate > 0 ? recordModel(spec, table, 'evaluate', evaluate) : undefined;
  const generated = generate > 0 ? recordModel(spec, table, 'generate', generate) : undefined;
  let largest: Record<ProgramName, Program> | undefined;
  let importance: ImportancePlan | undefined;
  const plan = planEngine<ProgramName>({
    table,
    limits: spec.limits,
    gradients: trained.program.gradients,
    readbackBytes,
    ringValues: () => Math.max(scalarCount, importance?.count ?? 0),
    programs: trainables => {
      if (trainables.specs.length === 0)
        throw problem('method.nothing', 'This configuration trains nothing.', 'Check method.target_modules.');
      const { scalars } = trained.model;
      const measured = recordImportance(spec, table, { trainables, scalars });
      importance = measured.plan;
      largest = {
        train: trained.program,
        optimizer: recordOptimizer(spec, table, { trainables, scalars }),
        importance: measured.program,
        evaluate: evaluated?.program ?? nothing,
        generate: generated?.program ?? nothing,
      };
      return largest;
    },
  });
  return {
    spec,
    table,
    plan,
    largest: largest as Record<ProgramName, Program>,
    model: trained.model,
    logits: generated?.model.logits,
    importance,
  };
}

const ranges: Record<'train' | 'evaluate' | 'generate', number> = { train: 1, evaluate: 2, generate: 3 };

/** Records one model program for a stream of `S` tokens. Same names, same ids, whatever S. */
export function recordModel(
  spec: EngineSpec,
  table: TensorTable,
  name: 'train' | 'evaluate' | 'generate',
  S: number,
): { program: Program; model: BuiltModel } {
  const base = ranges[name] * 2 * idRange;
  const graph = new GraphBuilder(table, base);
  const goal: Goal = name === 'generate' ? 'logits' : 'loss';
  const { model: config, method, baseDtype, limits, longest, profile } = spec;
  const model = buildModel({ graph, config, method, S, baseDtype, limits, longest, goal });
  const mode = name === 'train' ? 'train' : 'evaluate';
  return { program: record(graph, { mode, profile, firstId: base + idRange }), model };
}

/** Inputs exist once, at the size of the longest stream of any program. */
function declareInputs(spec: EngineSpec, table: TensorTable, longest: number): void {
  const graph = new GraphBuilder(table);
  for (const name of ['tokens', 'positions', 'segment_start', 'segment_end']) graph.input(name, [longest]);
  graph.input('labels', [Math.max(spec.streams.train, spec.streams.evaluate)]);
}

type Trained = Pick<MethodRecorder, 'trainables' | 'scalars'>;

/** What a method adds, gradient norm, the update (a dispatch per contiguous range), what a method does after it. */
function recordOptimizer(spec: EngineSpec, table: TensorTable, { trainables, scalars }: Trained): Program {
  const { betas, method } = spec;
  const recorder = new Recorder(spec.profile, 9 * idRange);
  const recording = methodRecorder(recorder, table, { trainables, scalars });
  recorder.phase = 'optimizer';
  recorder.node = 'regularization';
  method.regularize?.(recording);
  recorder.node = 'gradient norm';
  trainables.ranges.forEach(({ gradient, count }, index) =>
    emitSumSquares(recorder, gradient, count, scalars, 1, index > 0),
  );
  for (const range of trainables.ranges) {
    const { optimizer } = trainables.groups[range.group];
    recorder.node = optimizer;
    if (optimizer === 'sgd') emitSgd(recorder, { ...range, scalars });
    else emitAdamW(recorder, { ...range, offset: 0, scalars, betas });
  }
  recorder.node = method.type;
  method.afterUpdate?.(recording);
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

/** Trained and all parameters of the run, adapter included. */
export function parameterCounts(programs: EnginePrograms): { trainable: number; total: number } {
  let trainable = 0;
  let total = 0;
  for (const spec of programs.table.parameters) {
    if (spec.tensor.name.startsWith('rope.')) continue;
    const count = elements(spec.tensor.shape);
    total += count;
    if (spec.trainable) trainable += count;
  }
  return { trainable, total };
}
