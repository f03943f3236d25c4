import type { GraphBuilder, Turn } from '../graph/builder';
import { problem } from '../../../src/common/errors';
import { codeTables, codeTablesName } from '../formats/codebook';
import { isPacked, type DType, type Tensor } from '../graph/tensor';
import type { DeviceLimits } from '../memory/layout';
import type { BaseLinear, Method, Sublayer } from '../methods/method';
import { add } from '../ops/add';
import type { ModuleSpec } from './catalog';
import type { ModelConfig } from './config';
import type { BaseStorage } from './storage';

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
  readonly storage: BaseStorage;
  readonly limits: DeviceLimits;
  /** Longest sequence of the run: rows of the rotary tables. */
  readonly longest: number;
  readonly inputs: ModelInputs;
  /** Set when the S tokens are new ones of a text whose earlier keys and values are in the cache. */
  readonly cached?: CachedRows;
  /** Told what goes into each block's MLP, [S, d] after the norm. */
  readonly observe?: (block: number, input: Tensor) => void;
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

/** A base matrix, stored as `dtype` unless it trains. */
export function matrix(
  context: ModelContext,
  name: string,
  shape: readonly number[],
  { dtype, turn }: { readonly dtype: DType; readonly turn?: Turn },
): Tensor {
  const trainable = context.method.trainsBase(name);
  return context.graph.parameter(name, shape, { dtype: trainable ? 'f32' : dtype, trainable, decay: true, turn });
}

/** A linear's weight, packed as [out, in] whatever the file's layout. Codes cannot train. */
function linearWeight(context: ModelContext, module: ModuleSpec): Pick<BaseLinear, 'weight' | 'layout'> {
  const { graph, method, storage } = context;
  const name = `${module.path}.weight`;
  const { layout } = module;
  const dtype = storage.linear;
  const turn = module.block === null ? undefined : { block: module.block };
  if (!isPacked(dtype)) {
    const shape = layout === 'io' ? [module.in, module.out] : [module.out, module.in];
    return { weight: matrix(context, name, shape, { dtype, turn }), layout };
  }
  if (method.trainsBase(name))
    throw problem(
      'method.quantized',
      `${name} is to be trained, but memory.quantization ${dtype.kind} stores it as codes that cannot train.`,
      'Use an adapter method such as LoRA, or set memory.quantization to none.',
    );
  const tables = graph.parameter(codeTablesName, [codeTables.length]);
  return { weight: graph.parameter(name, [module.out, module.in], { dtype, tables, turn }), layout: 'oi' };
}

/** A Linear or Conv1D of the base with what the method adds to it. */
export function baseLinear(context: ModelContext, module: ModuleSpec, x: Tensor): Tensor {
  const base = linearWeight(context, module);
  const bias = module.bias ? parameter(context, `${module.path}.bias`, [module.out]) : undefined;
  return context.method.linear(context.graph, module, x, { ...base, bias });
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
