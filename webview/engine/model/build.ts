import type { GraphBuilder } from '../graph/builder';
import type { Tensor } from '../graph/tensor';
import type { DeviceLimits } from '../memory/layout';
import type { Method } from '../methods/method';
import { embedding, type TablePart } from '../ops/embedding';
import { headLoss, lastLogits } from '../ops/headLoss';
import type { ModuleSpec } from './catalog';
import type { ModelConfig } from './config';
import { gpt2Blocks } from './gpt2';
import { llamaBlocks } from './llama';

/** What is done with the last hidden state. */
export type Goal = 'loss' | 'logits';

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
}

export interface BuiltModel {
  readonly inputs: ModelInputs;
  /** Sum of token losses accumulates in element 0; element 1 takes the squared gradient norm. */
  readonly scalars: Tensor;
  /** Next-token logits [1, V], for `logits`. */
  readonly logits?: Tensor;
}

export interface BuildOptions {
  readonly graph: GraphBuilder;
  readonly config: ModelConfig;
  readonly method: Method;
  readonly S: number;
  readonly baseDtype: 'f32' | 'f16';
  readonly limits: DeviceLimits;
  readonly longest: number;
  readonly goal: Goal;
}

/** Builds a model's graph for a stream of S tokens. The tensor names are those of the Hugging Face files. */
export function buildModel(options: BuildOptions): BuiltModel {
  const { graph, config, S } = options;
  const inputs: ModelInputs = {
    tokens: graph.input('tokens', [S]),
    positions: graph.input('positions', [S]),
    segmentStart: graph.input('segment_start', [S]),
    segmentEnd: graph.input('segment_end', [S]),
  };
  const context: ModelContext = { ...options, inputs };
  const names = config.family === 'gpt2' ? gpt2Names : llamaNames;
  const table = tableParts(context, names.embedding, config.vocabSize);
  const positions =
    config.family === 'gpt2'
      ? {
          ids: inputs.positions,
          table: parameter(context, 'transformer.wpe.weight', [config.maxPositions, config.hiddenSize]),
        }
      : undefined;
  const buckets = embeddingInputs(context);
  const embedded = embedding(graph, names.embedding, { ids: inputs.tokens, parts: table, positions, buckets });
  const hidden = config.family === 'gpt2' ? gpt2Blocks(context, embedded) : llamaBlocks(context, embedded);
  const head = config.tiedEmbeddings ? table : tableParts(context, 'lm_head.weight', config.vocabSize);
  const scalars = graph.state('scalars', [scalarCount]);
  if (options.goal === 'logits') {
    const row = graph.input('logits_row', [1]);
    return { inputs, scalars, logits: lastLogits(graph, 'lm_head', { x: hidden, parts: head, rows: row }) };
  }
  const labels = graph.input('labels', [S]);
  headLoss(graph, 'lm_head', { x: hidden, parts: head, labels, scalars });
  return { inputs, scalars };
}

/** Accumulators on the device: [0] Σ token losses, [1] Σ g². */
export const scalarCount = 64;

const gpt2Names = { embedding: 'transformer.wte.weight' };
const llamaNames = { embedding: 'model.embed_tokens.weight' };

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

/** transformers' `get_decay_parameter_names`: everything decays but biases and the parameters of norm layers. */
export function decays(name: string, shape: readonly number[]): boolean {
  return !name.endsWith('bias') && !(shape.length === 1 && /norm|ln_/.test(name));
}

/** Splits a table by rows where one binding cannot hold it. */
function tableParts(context: ModelContext, name: string, rows: number): TablePart[] {
  const { config, limits, method, baseDtype } = context;
  const bytes = method.trainsBase(name) || baseDtype === 'f32' ? 4 : 2;
  const most = Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize);
  const perPart = Math.floor(most / (config.hiddenSize * bytes));
  if (rows <= perPart) return [{ tensor: matrix(context, name, [rows, config.hiddenSize]), firstRow: 0, rows }];
  const even = Math.ceil(rows / Math.ceil(rows / perPart) / 64) * 64;
  const step = Math.min(even, perPart);
  const parts: TablePart[] = [];
  for (let firstRow = 0; firstRow < rows; firstRow += step) {
    const count = Math.min(step, rows - firstRow);
    parts.push({ tensor: matrix(context, `${name}#${firstRow}`, [count, config.hiddenSize]), firstRow, rows: count });
  }
  return parts;
}

/** Sorted token buckets, needed only when the table itself is trained. */
function embeddingInputs(context: ModelContext) {
  const { graph, S, config, method } = context;
  const name = config.family === 'gpt2' ? gpt2Names.embedding : llamaNames.embedding;
  if (!method.trainsBase(name)) return undefined;
  return {
    unique: graph.input('bucket_ids', [S]),
    start: graph.input('bucket_starts', [S + 1]),
    order: graph.input('bucket_order', [S]),
  };
}
