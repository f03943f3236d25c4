import { problem } from '../../../src/common/errors';
import {
  boolField,
  describe,
  field,
  intField,
  isObject,
  parseJsonObject,
  positiveField,
  stringField,
  wrongField,
  type JsonObject,
  type JsonPlace,
} from '../formats/jsonFields';
import { ropeTheta } from './rope';

export type Activation = 'gelu_new' | 'gelu' | 'silu' | 'relu';

/** What a model builder needs of a Hugging Face `config.json`. Sizes in elements. */
export interface ModelConfig {
  readonly family: 'gpt2' | 'llama';
  /** As the file says: `gpt2`, `llama`, `qwen2`, `mistral`. */
  readonly modelType: string;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  /** Key/value heads; equal to `heads` without grouped-query attention. */
  readonly kvHeads: number;
  readonly headDim: number;
  readonly intermediateSize: number;
  readonly vocabSize: number;
  /** Longest sequence; for GPT-2 the rows of the position table. */
  readonly maxPositions: number;
  /** The output head is the token embedding. */
  readonly tiedEmbeddings: boolean;
  readonly normEpsilon: number;
  readonly activation: Activation;
  /** Base of the rotary angles; unused by GPT-2. */
  readonly ropeTheta: number;
  /** Biases on q, k and v. */
  readonly qkvBias: boolean;
  /** Bias on the attention output projection. */
  readonly outputBias: boolean;
  readonly mlpBias: boolean;
  readonly bosTokenId?: number;
  /** Empty when the file names none. */
  readonly eosTokenIds: readonly number[];
  readonly padTokenId?: number;
}

/** Defaults that transformers gives to keys a `config.json` may leave out, by `model_type`. */
interface FamilyDefaults {
  readonly maxPositions: number;
  readonly kvHeads?: number;
  readonly bos?: number;
  readonly eos?: number;
}

const rotary: Readonly<Record<string, FamilyDefaults>> = {
  llama: { maxPositions: 2048, bos: 1, eos: 2 },
  mistral: { maxPositions: 131072, kvHeads: 8, bos: 1, eos: 2 },
  qwen2: { maxPositions: 32768, kvHeads: 32 },
};
const supported = ['gpt2', ...Object.keys(rotary)];

const activations: Readonly<Record<string, Activation>> = {
  gelu_new: 'gelu_new',
  gelu_pytorch_tanh: 'gelu_new',
  gelu: 'gelu',
  silu: 'silu',
  swish: 'silu',
  relu: 'relu',
};

const limits = {
  hidden: { min: 4, max: 65536 },
  layers: { min: 1, max: 1024 },
  heads: { min: 1, max: 4096 },
  intermediate: { min: 1, max: 1 << 20 },
  vocabulary: { min: 1, max: 1 << 22 },
  positions: { min: 1, max: 1 << 24 },
};

/**
 * Reads a `config.json` of the GPT-2 family or the Llama family (Llama, SmolLM2, Qwen2, Mistral), filling in the
 * defaults of transformers' config classes. Throws a problem that names `label` and the key for text that is not a
 * JSON object, for another architecture, for features the engine does not compute and for sizes that do not fit together.
 */
export function parseModelConfig(json: string, label: string): ModelConfig {
  const place = {
    code: 'model.config',
    label,
    hint: `Use the unchanged config.json of a ${supported.join(', ')} model.`,
  };
  const object = parseJsonObject(json, place);
  const type = field(object, 'model_type');
  if (typeof type !== 'string') throw wrongField(place, 'model_type', `one of ${supported.join(', ')}`, type);
  refuseQuantized(object, label);
  if (type === 'gpt2') return checkHeads(gpt2Config(object, place), label);
  if (Object.hasOwn(rotary, type)) return checkHeads(llamaConfig(object, type, place), label);
  throw problem(
    'model.type',
    `${label}: model_type "${type}" is not supported.`,
    `Choose a model of one of these types: ${supported.join(', ')} (SmolLM2 is of type llama).`,
  );
}

function gpt2Config(object: JsonObject, place: JsonPlace): ModelConfig {
  refuseFlag(object, 'scale_attn_by_inverse_layer_idx', place);
  refuseFlag(object, 'add_cross_attention', place);
  if (!boolField(object, 'scale_attn_weights', place, true))
    throw wrongField(place, 'scale_attn_weights', 'true', false);
  const hiddenSize = intField(object, 'n_embd', place, { ...limits.hidden, fallback: 768 });
  const heads = intField(object, 'n_head', place, { ...limits.heads, fallback: 12 });
  return {
    family: 'gpt2',
    modelType: 'gpt2',
    hiddenSize,
    layers: intField(object, 'n_layer', place, { ...limits.layers, fallback: 12 }),
    heads,
    kvHeads: heads,
    headDim: hiddenSize / heads,
    intermediateSize: intField(object, 'n_inner', place, { ...limits.intermediate, fallback: 4 * hiddenSize }),
    maxPositions: intField(object, 'n_positions', place, { ...limits.positions, fallback: 1024 }),
    tiedEmbeddings: boolField(object, 'tie_word_embeddings', place, true),
    normEpsilon: positiveField(object, 'layer_norm_epsilon', place, 1e-5),
    activation: activationField(object, 'activation_function', place, 'gelu_new'),
    ropeTheta: 10000,
    qkvBias: true,
    outputBias: true,
    mlpBias: true,
    ...vocabulary(object, place, { maxPositions: 1024, bos: 50256, eos: 50256 }),
  };
}

function llamaConfig(object: JsonObject, type: string, place: JsonPlace): ModelConfig {
  const defaults = rotary[type];
  const hiddenSize = intField(object, 'hidden_size', place, limits.hidden);
  const heads = intField(object, 'num_attention_heads', place, limits.heads);
  const maxPositions = intField(object, 'max_position_embeddings', place, {
    ...limits.positions,
    fallback: defaults.maxPositions,
  });
  refuseSlidingWindow(object, type, maxPositions, place);
  const attentionBias = type === 'llama' && boolField(object, 'attention_bias', place, false);
  return {
    family: 'llama',
    modelType: type,
    hiddenSize,
    layers: intField(object, 'num_hidden_layers', place, limits.layers),
    heads,
    kvHeads: kvHeads(object, heads, defaults, place),
    headDim: intField(object, 'head_dim', place, { min: 1, max: 4096, fallback: Math.floor(hiddenSize / heads) }),
    intermediateSize: intField(object, 'intermediate_size', place, limits.intermediate),
    maxPositions,
    tiedEmbeddings: boolField(object, 'tie_word_embeddings', place, false),
    normEpsilon: positiveField(object, 'rms_norm_eps', place, 1e-6),
    activation: gateActivation(object, place),
    ropeTheta: ropeTheta(object, place),
    qkvBias: type === 'qwen2' || attentionBias,
    outputBias: attentionBias,
    mlpBias: type === 'llama' && boolField(object, 'mlp_bias', place, false),
    ...vocabulary(object, place, defaults),
  };
}

/** An explicit null means one per head; an absent key takes the class default, as in transformers. */
function kvHeads(object: JsonObject, heads: number, defaults: FamilyDefaults, place: JsonPlace): number {
  const absent = !Object.hasOwn(object, 'num_key_value_heads');
  const fallback = absent ? (defaults.kvHeads ?? heads) : heads;
  return intField(object, 'num_key_value_heads', place, { ...limits.heads, fallback });
}

function vocabulary(object: JsonObject, place: JsonPlace, defaults: FamilyDefaults) {
  const vocabSize = intField(object, 'vocab_size', place, limits.vocabulary);
  const ids = (key: string, fallback?: number) => tokenIds(object, key, place, { vocabSize, fallback });
  return {
    vocabSize,
    bosTokenId: ids('bos_token_id', defaults.bos).at(0),
    eosTokenIds: ids('eos_token_id', defaults.eos),
    padTokenId: ids('pad_token_id').at(0),
  };
}

/** One id or a list; ids outside the vocabulary (-1, or a default larger than a small model) name no token. */
function tokenIds(
  object: JsonObject,
  key: string,
  place: JsonPlace,
  { vocabSize, fallback }: { vocabSize: number; fallback?: number },
): number[] {
  const value = Object.hasOwn(object, key) ? (object[key] ?? []) : (fallback ?? []);
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list
    .map(id => {
      if (typeof id === 'number' && Number.isInteger(id)) return id;
      throw wrongField(place, key, 'a token id or a list of token ids', id);
    })
    .filter(id => id >= 0 && id < vocabSize);
}

function activationField(object: JsonObject, key: string, place: JsonPlace, fallback: string): Activation {
  const name = stringField(object, key, place, fallback);
  if (Object.hasOwn(activations, name)) return activations[name];
  throw wrongField(place, key, `one of ${Object.keys(activations).join(', ')}`, name);
}

function gateActivation(object: JsonObject, place: JsonPlace): Activation {
  const activation = activationField(object, 'hidden_act', place, 'silu');
  if (activation === 'silu') return activation;
  throw wrongField(place, 'hidden_act', '"silu"', field(object, 'hidden_act'));
}

function refuseFlag(object: JsonObject, key: string, place: JsonPlace): void {
  if (boolField(object, key, place, false))
    throw wrongField(place, key, 'false (the engine does not compute it)', true);
}

function refuseQuantized(object: JsonObject, label: string): void {
  const quantization = field(object, 'quantization_config');
  if (quantization === undefined) return;
  const method = isObject(quantization) ? describe(quantization['quant_method']) : describe(quantization);
  throw problem(
    'model.quantized',
    `${label}: the weights are stored quantized (quantization_config, ${method}).`,
    'Use the original F32, F16 or BF16 weights of the model.',
  );
}

/** A window at least as long as the longest sequence hides no token, so it is accepted. */
function refuseSlidingWindow(object: JsonObject, type: string, maxPositions: number, place: JsonPlace): void {
  const types = field(object, 'layer_types');
  if (Array.isArray(types) && types.some(layer => layer !== 'full_attention'))
    throw wrongField(
      place,
      'layer_types',
      'full_attention in every layer',
      types.find(layer => layer !== 'full_attention'),
    );
  if (type === 'qwen2') return refuseFlag(object, 'use_sliding_window', place);
  if (type !== 'mistral') return;
  const window = Object.hasOwn(object, 'sliding_window') ? object['sliding_window'] : 4096;
  if (window === null || (typeof window === 'number' && window >= maxPositions)) return;
  const expected = `null, or at least max_position_embeddings (${maxPositions}); sliding-window attention is not supported`;
  throw wrongField(place, 'sliding_window', expected, window);
}

function checkHeads(config: ModelConfig, label: string): ModelConfig {
  const { hiddenSize, heads, kvHeads, headDim } = config;
  const fail = (message: string) =>
    problem('model.heads', `${label}: ${message}.`, 'Check that config.json belongs to this model and is unchanged.');
  if (hiddenSize % heads !== 0) throw fail(`hidden size ${hiddenSize} is not a multiple of ${heads} attention heads`);
  if (heads % kvHeads !== 0) throw fail(`${heads} attention heads are not a multiple of ${kvHeads} key/value heads`);
  if (headDim % 4 !== 0)
    throw fail(`the head size ${headDim} is not a multiple of 4, which the attention kernels need`);
  return config;
}
