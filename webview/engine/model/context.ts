import type { GraphBuilder } from '../graph/builder';
import type { Tensor } from '../graph/tensor';
import type { DeviceLimits } from '../memory/layout';
import type { Method, Sublayer } from '../methods/method';
import { add } from '../ops/add';
import type { ModuleSpec } from './catalog';
import type { ModelConfig } from './config';

export interface ModelInputs {
  readonly tokens: Tensor;
  readonly positions: Tensor;
  readonly segmentStart: Tensor;
  readonly segmentEnd: Tensor;
}

/** Everything a family builder needs; `S` is the number of tokens of the stream. */
export interface ModelContext {
  readonly graph: GraphBuilder;
  readonly config: ModelConfig;
  readonly method: Method;
  readonly S: number;
  /** Storage of frozen matrices; vectors stay f32. */
  readonly baseDtype: 'f32' | 'f16';
  readonly limits: DeviceLimits;
  /** Longest sequence of the run: rows of the rotary tables. */
  readonly longest: number;
  readonly inputs: ModelInputs;
  /** Set when the S tokens are new ones of a text whose earlier keys and values are in the cache. */
  readonly cached?: CachedRows;
}

/** Where new tokens go in the cache. */
export interface CachedRows {
  /** Most tokens of a text, what comes before it included. */
  readonly rows: number;
  /** Row of the cache for each new token, u32 [S]. */
  readonly cacheRows: Tensor;
}

/** A base vector or table kept in f32. */
export function parameter(context: ModelContext, name: string, shape: readonly number[]): Tensor {
  const trainable = context.method.trainsBase(name);
  return context.graph.parameter(name, shape, { trainable, decay: decays(name, shape) });
}

/** A base matrix: f16 if the run stores frozen weights so. */
export function matrix(context: ModelContext, name: string, shape: readonly number[]): Tensor {
  const trainable = context.method.trainsBase(name);
  const dtype = trainable ? 'f32' : context.baseDtype;
  return context.graph.parameter(name, shape, { dtype, trainable, decay: true });
}

/** A Linear or Conv1D of the base with what the method adds to it. */
export function baseLinear(context: ModelContext, module: ModuleSpec, x: Tensor): Tensor {
  const shape = module.layout === 'io' ? [module.in, module.out] : [module.out, module.in];
  const weight = matrix(context, `${module.path}.weight`, shape);
  const bias = module.bias ? parameter(context, `${module.path}.bias`, [module.out]) : undefined;
  return context.method.linear(context.graph, module, x, { weight, bias, layout: module.layout });
}

/** The residual stream h [S, d] after a sublayer with output f [S, d]. */
export function residual(context: ModelContext, place: Sublayer, h: Tensor, f: Tensor): Tensor {
  const { method, graph } = context;
  return method.residual?.(graph, place, h, f) ?? add(graph, `${place.path}.${place.kind}_residual`, h, f);
}

/** transformers' `get_decay_parameter_names`: everything decays but biases and the parameters of norm layers. */
export function decays(name: string, shape: readonly number[]): boolean {
  return !name.endsWith('bias') && !(shape.length === 1 && /norm|ln_/.test(name));
}
