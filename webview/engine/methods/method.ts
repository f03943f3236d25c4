import type { GraphBuilder, ParameterSpec } from '../graph/builder';
import type { Recorder } from '../graph/record';
import type { Tensor } from '../graph/tensor';
import type { FileSet, ImportanceTable } from '../../../src/common/run/events';
import type { Trainables } from '../memory/trainables';
import type { ModuleSpec } from '../model/catalog';

/** A base Linear or Conv1D as the model hands it to the method. */
export interface BaseLinear {
  readonly weight: Tensor;
  readonly bias?: Tensor;
  /** `oi` is [out, in], `io` is [in, out]. */
  readonly layout: 'oi' | 'io';
}

/** What importance kernels write, and how to read it. */
export interface ImportancePlan {
  /** One value per cell, all tables one after another. */
  readonly output: Tensor;
  readonly count: number;
  /** Turns the values into tables for the views. */
  tables(values: Float32Array): readonly ImportanceTable[];
}

/** Values by parameter name, already on the host. */
export type TensorValues = ReadonlyMap<string, Float32Array>;

/**
 * A fine-tuning method: which tensors train, how it changes the model, what it reports, what it writes. The engine
 * core knows nothing else about methods.
 */
export interface Method {
  readonly type: string;
  /** Whether a base tensor (Hugging Face name) is trained. */
  trainsBase(name: string): boolean;
  /** Emits a module of the model: the base alone, or with what the method adds. */
  linear(graph: GraphBuilder, module: ModuleSpec, x: Tensor, base: BaseLinear): Tensor;
  /** Start value of an adapter tensor this method has made: seeded, or from the adapter it continues. */
  initialValue(spec: ParameterSpec): Float32Array<ArrayBuffer>;
  /** Records the kernels that measure importance after the reverse pass; absent when there is none. */
  importance?(recorder: Recorder, trainables: Trainables): ImportancePlan | undefined;
  /** The result as files that Hugging Face libraries load. */
  exportFiles(values: TensorValues): FileSet;
}
