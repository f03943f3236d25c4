import type { FileSet, ImportanceReport } from '../../../src/common/run/events';
import type { GraphBuilder, ParameterSpec } from '../graph/builder';
import type { Recorder } from '../graph/recorder';
import type { Shape, Tensor } from '../graph/tensor';
import type { Trainables } from '../memory/trainables';
import type { ModuleSpec } from '../model/catalog';
import type { PrefixRows } from '../ops/prefixShape';

/** A base Linear or Conv1D as the model hands it to the method. */
export interface BaseLinear {
  readonly weight: Tensor;
  readonly bias?: Tensor;
  /** `oi` is [out, in], `io` is [in, out]. */
  readonly layout: 'oi' | 'io';
}

/** Attention or MLP of a block, where its output joins the residual stream. */
export interface Sublayer {
  /** Path of the block, e.g. `model.layers.0`. */
  readonly path: string;
  readonly block: number;
  readonly kind: 'attention' | 'mlp';
}

/** Keys and values that every token of a block sees before its own example: [P, kvHeads·headDim] each, not rotated. */
export type KeyValuePrefix = PrefixRows;

/** The embedded tokens of a micro-batch. */
export interface EmbeddedStream {
  /** [S, d], learned positions included. */
  readonly embedded: Tensor;
  /** u32 [S]. */
  readonly positions: Tensor;
  /** Learned positions [n, d], where the model has them. */
  readonly table?: Tensor;
}

/** Positions that a method puts before every example. */
export interface VirtualTokens {
  readonly count: number;
  /** `input`: placeholders in the stream, whose embeddings the method replaces; `prefix`: keys and values only. */
  readonly place: 'input' | 'prefix';
  /** Whether training measures the share of attention on them when `stepNumbers` starts with 1, see ops/attentionShare. */
  readonly watched: boolean;
}

/** What importance kernels write, and how to read it. */
export interface ImportancePlan {
  /** All values one after another, f32. */
  readonly output: Tensor;
  readonly count: number;
  /** Turns the values into tables for the views. */
  report(values: Float32Array, step: number): ImportanceReport;
}

/** Values by parameter name, already on the host. */
export type TensorValues = ReadonlyMap<string, Float32Array>;

/** Everything that a run changes: trained tensors, their moments by parameter name, and the method's own state. */
export interface EngineValues {
  readonly parameters: Map<string, Float32Array>;
  readonly m: Map<string, Float32Array>;
  readonly v: Map<string, Float32Array>;
  readonly states: Map<string, Float32Array>;
}

/** The model before any training, for start values. */
export interface FrozenModel {
  /**
   * Keys (rotated, as a cache has them) and values of every block for a text, [tokens, kvHeads·headDim] each, row-major.
   * @throws `method.text` when the text has fewer than `fewest` tokens or more than the model has positions.
   */
  keysAndValues(text: string, fewest: number): Promise<readonly KeysAndValues[]>;
}

export interface KeysAndValues {
  readonly k: Float32Array;
  readonly v: Float32Array;
}

/** What a method records its own kernels with. */
export interface MethodRecorder {
  readonly recorder: Recorder;
  readonly trainables: Trainables;
  /** Accumulators of the window, zeroed at its start: [1] Σg² once the gradient norm is taken, see {@link Method.terms}. */
  readonly scalars: Tensor;
  /** A persistent f32 tensor, zero at the start of a run, saved with checkpoints; asking twice gives the same one. */
  state(name: string, shape: Shape): Tensor;
}

/** A method that goes on with another structure, and the values its tensors start from. */
export interface Evolution {
  readonly method: Method;
  readonly values: EngineValues;
}

/**
 * A fine-tuning method: which tensors train, how it changes the model, what it does around an update, what it reports
 * and what it writes. The engine core knows nothing else about methods.
 */
export interface Method {
  readonly type: string;
  /** Whether a base tensor (Hugging Face name) is trained. */
  trainsBase(name: string): boolean;
  readonly virtualTokens?: VirtualTokens;
  /** Emits a module of the model: the base alone, or with what the method adds. */
  linear(graph: GraphBuilder, module: ModuleSpec, x: Tensor, base: BaseLinear): Tensor;
  /** The residual stream after a sublayer with output `f`; h + f without it. */
  residual?(graph: GraphBuilder, place: Sublayer, h: Tensor, f: Tensor): Tensor;
  /** Keys and values before those of the tokens, per block. Needs `virtualTokens.place` `prefix`. */
  prefix?(graph: GraphBuilder, block: number): KeyValuePrefix;
  /** Replaces rows of the embedded stream where `positions` < count, [S, d]. Needs `virtualTokens.place` `input`. */
  embed?(graph: GraphBuilder, stream: EmbeddedStream): Tensor;
  /** Asks the untouched model for what the start values need; once, before a run that no checkpoint continues. */
  prepare?(model: FrozenModel): Promise<void>;
  /** Start value of an adapter tensor this method has made: seeded, or from the adapter it continues. */
  initialValue(spec: ParameterSpec): Float32Array<ArrayBuffer>;
  /** Start value of a base tensor that the adapter to continue holds, trained with it. */
  startValue?(name: string): Float32Array<ArrayBuffer> | undefined;
  /** Names of what `regularize` adds to `scalars[termScalar + i]`, reported apart from the task loss. */
  readonly terms?: readonly string[];
  /** Kernels after the reverse pass of a window and before the gradient norm: adds to gradients and terms. */
  regularize?(recording: MethodRecorder): void;
  /** Kernels after the update; gradients are still there, unclipped (`clipFactor` is in adamw.ts). */
  afterUpdate?(recording: MethodRecorder): void;
  /**
   * For methods with a clock of their own: AdamW's step number (0: it leaves everything as it is), and a factor on the
   * rate of parameters under SGD.
   */
  clock?(step: number): { readonly adam: number; readonly sgd: number };
  /** Numbers for kernels at an optimizer step (from 1), in `step.method`. */
  stepNumbers?(step: number): readonly number[];
  /** Records the kernels that measure importance, after the update; absent when there is none. */
  importance?(recording: MethodRecorder): ImportancePlan | undefined;
  /** Whether {@link evolve} must be asked after this step: the loop then waits for the device. */
  evolvesAt?(step: number): boolean;
  /** Another structure to go on with (fewer adapters, larger ranks): the engine is rebuilt, what is dropped is freed. */
  evolve?(step: number, values: EngineValues): Evolution | undefined;
  /** What {@link MethodInput.state} needs to build this structure again, as JSON; saved with checkpoints. */
  state?(): unknown;
  /** The result as files that Hugging Face libraries load. */
  exportFiles(values: TensorValues): FileSet;
}

/** First of {@link Method.terms} within the accumulators. */
export const termScalar = 2;
