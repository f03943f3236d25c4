import type { GraphBuilder } from '../graph/builder';
import type { Tensor } from '../graph/tensor';
import type { DeviceLimits } from '../memory/layout';
import type { Method } from '../methods/method';
import { embedding, type TablePart } from '../ops/embedding';
import { headLoss, lastLogits } from '../ops/headLoss';
import { segmentLength } from '../ops/headLossShape';
import { preloadCache } from '../ops/cachedAttention';
import { pickRow } from '../ops/pickRow';
import { blockCache } from './attend';
import type { ModelConfig } from './config';
import { matrix, parameter, type ModelContext, type ModelInputs } from './context';
import { gpt2Blocks } from './gpt2';
import { llamaBlocks } from './llama';
import type { BaseStorage } from './storage';

/** What is done with the last hidden state. */
export type Goal = 'loss' | 'logits';

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
  readonly storage: BaseStorage;
  readonly limits: DeviceLimits;
  readonly longest: number;
  readonly goal: Goal;
  /** Set for new tokens of a text whose earlier keys and values are in a cache of this many rows. */
  readonly cacheRows?: number;
  /** Whether placeholders of the method can be among the tokens. */
  readonly placeholders: boolean;
  /** Whether parts of tables come to the device in turns. */
  readonly tablesTakeTurns?: boolean;
  /** Whether the last token's input to each MLP is kept for the host, see {@link mlpInputs}. */
  readonly observed: boolean;
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
  const { cacheRows: rows } = options;
  const cached = rows === undefined ? undefined : { rows, cacheRows: graph.input('cache_rows', [S]) };
  const observe = options.observed ? observer(graph, config) : undefined;
  const context: ModelContext = { ...options, inputs, cached, observe };
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
  const looked = embedding(graph, names.embedding, { ids: inputs.tokens, parts: table, positions, buckets });
  const stream = { embedded: looked, positions: inputs.positions, table: positions?.table };
  const replaced = options.placeholders ? options.method.embed?.(graph, stream) : undefined;
  const embedded = replaced ?? looked;
  const hidden = config.family === 'gpt2' ? gpt2Blocks(context, embedded) : llamaBlocks(context, embedded);
  const headName = config.tiedEmbeddings ? names.embedding : 'lm_head.weight';
  const head = config.tiedEmbeddings ? table : tableParts(context, headName, config.vocabSize);
  const scalars = graph.state('scalars', [scalarCount]);
  if (options.goal === 'logits') {
    const row = graph.input('logits_row', [1]);
    return { inputs, scalars, logits: lastLogits(graph, 'lm_head', { x: hidden, parts: head, rows: row }) };
  }
  const labels = graph.input('labels', [S]);
  const aligned = head.every(({ firstRow }) => firstRow % segmentLength === 0);
  const partwise = aligned && options.tablesTakeTurns === true;
  headLoss(graph, 'lm_head', { x: hidden, parts: head, labels, scalars, partwise });
  return { inputs, scalars };
}

/** What goes into each block's MLP at the row `logits_row`, [layers, d]. */
export function mlpInputs(graph: GraphBuilder, { layers, hiddenSize }: ModelConfig): Tensor {
  return graph.state('mlp_inputs', [layers, hiddenSize]);
}

function observer(graph: GraphBuilder, config: ModelConfig) {
  const into = mlpInputs(graph, config);
  const row = graph.input('logits_row', [1]);
  return (block: number, x: Tensor) => pickRow(graph, `observe.${block}`, { x, row, into, at: block });
}

/** Writes the method's prefix, where it has one, into the first rows of every block's cache. */
export function buildPreload(graph: GraphBuilder, config: ModelConfig, method: Method, cacheRows: number): void {
  for (let block = 0; block < config.layers; block++) {
    const prefix = method.prefix?.(graph, block);
    if (prefix) preloadCache(graph, `prefix.${block}`, prefix, blockCache({ graph, config }, block, cacheRows));
  }
}

/** Accumulators on the device: [0] Σ token losses, [1] Σ g², then what the method adds to the loss. */
export const scalarCount = 64;

const gpt2Names = { embedding: 'transformer.wte.weight' };
const llamaNames = { embedding: 'model.embed_tokens.weight' };

/** Bytes of a part of a table, so that few are needed at once; bits must not depend on whether they take turns. */
const partBytes = 32 * 2 ** 20;

/** Splits a table by rows, at whole segments of the loss where it is long enough. */
function tableParts(context: ModelContext, name: string, rows: number): TablePart[] {
  const { config, limits, method } = context;
  const dtype = context.storage.table;
  const turn = 'table';
  const bytes = method.trainsBase(name) || dtype === 'f32' ? 4 : 2;
  const most = Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize, partBytes);
  const perPart = Math.floor(most / (config.hiddenSize * bytes));
  if (rows <= perPart)
    return [{ tensor: matrix(context, name, [rows, config.hiddenSize], { dtype, turn }), firstRow: 0, rows }];
  const even = Math.ceil(rows / Math.ceil(rows / perPart) / segmentLength) * segmentLength;
  const unit = perPart >= segmentLength ? segmentLength : 4;
  const step = even <= perPart ? even : Math.floor(perPart / unit) * unit;
  const parts: TablePart[] = [];
  for (let firstRow = 0; firstRow < rows; firstRow += step) {
    const count = Math.min(step, rows - firstRow);
    parts.push({
      tensor: matrix(context, `${name}#${firstRow}`, [count, config.hiddenSize], { dtype, turn }),
      firstRow,
      rows: count,
    });
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
