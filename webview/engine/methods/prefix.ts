import { problem } from '../../../src/common/errors';
import type { PrefixConfig, PTuningV2Config } from '../../../src/common/config/schema';
import type { GraphBuilder } from '../graph/builder';
import { elements, type Tensor } from '../graph/tensor';
import type { PromptAdapter } from '../formats/promptAdapter';
import { writePromptAdapter } from '../formats/promptAdapterWriter';
import type { ModelConfig } from '../model/config';
import { linear } from '../ops/linear';
import type { PrefixRows } from '../ops/prefixShape';
import type { FrozenModel, KeysAndValues, Method } from './method';
import { prefixNames, prefixRows, prefixValues, prefixWidths, type PrefixShape } from './prefixTable';
import { normalValues, uniformValues } from './torchInit';
import { checkRoom, measures, shareImportance, type MeasurePlan } from './virtualTokens';

export interface PrefixOptions {
  readonly config: PrefixConfig | PTuningV2Config;
  readonly model: ModelConfig;
  /** Written to `base_model_name_or_path`. */
  readonly modelName: string;
  readonly seed: number;
  readonly measure: MeasurePlan;
  /** Adapter to continue. */
  readonly adapter?: PromptAdapter;
}

/**
 * Prefix-tuning (Li and Liang, arXiv 2101.00190) as PEFT has it, and P-tuning v2 (Liu et al., arXiv 2110.07602,
 * THUDM/P-tuning-v2 `model/prefix_encoder.py`): every block's attention sees P trained keys and values, after the rotary
 * embedding and without a mask; tokens have positions from P. v2 is the direct prefix with dropout on its values.
 */
export function prefixMethod(options: PrefixOptions): Method {
  const { config, model, seed, adapter, measure } = options;
  const shape = shapeOf(config, model);
  checkRoom(shape.count, model);
  if (adapter) checkContinues(adapter, shape);
  checkInit(options, shape);
  const rows = rowsOf(shape);
  let start = adapter?.values;
  return {
    type: config.type,
    trainsBase: () => false,
    virtualTokens: { count: shape.count, place: 'prefix', watched: measure.every > 0 },
    linear: (graph, module, x, base) => linear(graph, module.path, x, base),
    prefix: (graph, block) => rows(graph)[block],
    ...(adapter === undefined && config.init_weights === 'text'
      ? {
          prepare: async (frozen: FrozenModel) => void (start = await textStart(frozen, config.init_text ?? '', shape)),
        }
      : {}),
    initialValue: ({ tensor }) => start ?? initialValue(tensor, config.init_weights, shape, seed),
    stepNumbers: step => measures(step, measure),
    importance: recording => (measure.every > 0 ? shareImportance(recording, model) : undefined),
    exportFiles: values =>
      writePromptAdapter({
        kind: 'prefix',
        count: shape.count,
        values: Float32Array.from(prefixValues(shape, values)),
        model,
        modelName: options.modelName,
        encoder: {
          encoder_hidden_size: shape.hidden ?? prefixWidths(model).keys,
          init_weights: config.init_weights === 'zero' ? 'zero' : null,
          prefix_projection: shape.hidden !== undefined,
        },
      }),
  };
}

/** A trained prefix that is only used: nothing trains. */
export function attachedPrefix(adapter: PromptAdapter, model: ModelConfig): Method {
  const shape: PrefixShape = { model, count: adapter.count, dropout: 0, trainable: false };
  const rows = rowsOf(shape);
  return {
    type: 'prefix',
    trainsBase: () => false,
    virtualTokens: { count: adapter.count, place: 'prefix', watched: false },
    linear: (graph, module, x, base) => linear(graph, module.path, x, base),
    prefix: (graph, block) => rows(graph)[block],
    initialValue: () => adapter.values,
    exportFiles: () =>
      writePromptAdapter({ ...adapter, kind: 'prefix', model, modelName: '', encoder: { prefix_projection: false } }),
  };
}

/** The prefix of each graph is built once, at its first block. */
function rowsOf(shape: PrefixShape): (graph: GraphBuilder) => PrefixRows[] {
  const built = new WeakMap<GraphBuilder, PrefixRows[]>();
  return graph => {
    const rows = built.get(graph) ?? prefixRows(graph, shape);
    built.set(graph, rows);
    return rows;
  };
}

function shapeOf(config: PrefixConfig | PTuningV2Config, model: ModelConfig): PrefixShape {
  const { keys } = prefixWidths(model);
  const size = config.type === 'prefix' ? (config.encoder_hidden_size ?? keys) : config.prefix_hidden_size;
  return {
    model,
    count: config.num_virtual_tokens,
    hidden: config.prefix_projection ? size : undefined,
    dropout: config.type === 'p-tuning-v2' ? config.prefix_dropout : 0,
    trainable: true,
  };
}

function checkContinues(adapter: PromptAdapter, { count, hidden }: PrefixShape): void {
  if (adapter.kind !== 'prefix')
    throw problem(
      'adapter.type',
      'The adapter is a prompt at the input, not a prefix.',
      'Continue a PREFIX_TUNING adapter.',
    );
  if (adapter.encoded || hidden !== undefined)
    throw problem(
      'adapter.reparametrised',
      'A prefix with prefix_projection cannot be continued from its exported file: the network that made it is not in it.',
      adapter.encoded
        ? 'Resume the run from its own checkpoint.'
        : 'Set method.prefix_projection to false to train the prefix itself, or resume the run from its own checkpoint.',
    );
  if (adapter.count !== count)
    throw problem(
      'adapter.differs',
      `The adapter has ${adapter.count} virtual tokens, the config ${count}.`,
      `Set method.num_virtual_tokens to ${adapter.count}.`,
    );
}

function checkInit({ config, adapter }: PrefixOptions, { hidden }: PrefixShape): void {
  if (config.init_weights !== 'text' || adapter) return;
  if (config.init_text === undefined)
    throw problem('method.text', 'init_weights is text, but there is no init_text.', 'Write method.init_text.');
  if (hidden !== undefined)
    throw problem(
      'method.text',
      'A prefix with prefix_projection cannot start from a text: its network would have to be fitted first.',
      'Set method.prefix_projection to false, or method.init_weights to zero or normal.',
    );
}

/** The keys and values of the text's first P tokens, as PEFT's `prompt_embeddings_from_past_key_values` lays them out. */
async function textStart(
  frozen: FrozenModel,
  text: string,
  { model, count }: PrefixShape,
): Promise<Float32Array<ArrayBuffer>> {
  const { keys, table } = prefixWidths(model);
  const values = new Float32Array(count * table);
  const put = (from: Float32Array, piece: number) => {
    for (let p = 0; p < count; p++) values.set(from.subarray(p * keys, (p + 1) * keys), p * table + piece * keys);
  };
  (await frozen.keysAndValues(text, count)).forEach(({ k, v }: KeysAndValues, block) => {
    put(k, 2 * block);
    put(v, 2 * block + 1);
  });
  return values;
}

/** `PrefixEncoder.__init__`: N(0, 1) or zeros; with the network torch's defaults, or a zero last layer. */
function initialValue(
  tensor: Tensor,
  init: PrefixConfig['init_weights'],
  { model, hidden }: PrefixShape,
  seed: number,
): Float32Array<ArrayBuffer> {
  const { name, shape } = tensor;
  const isZeroed = init === 'zero' && (hidden === undefined || name.startsWith(prefixNames.outer));
  if (isZeroed) return new Float32Array(elements(shape));
  if (name === prefixNames.embedding) return normalValues(tensor, seed);
  const fan = name.startsWith(prefixNames.inner) ? prefixWidths(model).keys : (hidden ?? 1);
  return uniformValues(tensor, fan, seed);
}
