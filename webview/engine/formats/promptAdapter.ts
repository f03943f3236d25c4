import type { FileSet } from '../../../src/common/run/events';
import { problem } from '../../../src/common/errors';
import type { ModelConfig } from '../model/config';
import { configFile } from './adapterConfig';
import { boolField, describe, field, intField, parseJsonObject, type JsonObject, type JsonPlace } from './jsonFields';
import { adapterText, readAdapterTensor, requireAdapterFile, weightsFile } from './peftAdapter';
import { readSafetensors } from './safetensors';

/** A checked prefix-tuning or P-tuning adapter. */
export interface PromptAdapter {
  readonly kind: 'prefix' | 'prompt';
  /** Virtual tokens P. */
  readonly count: number;
  /**
   * `prefix`: [P, 2·blocks·kvHeads·headDim], a row viewed as [2·blocks, kvHeads, headDim] with the keys of block l at 2l
   * and its values at 2l + 1 (PEFT's `get_prompt`); `prompt`: [P, d].
   */
  readonly values: Float32Array<ArrayBuffer>;
  /** An encoder made the values and is not in the file: they can be used, but not trained further. */
  readonly encoded: boolean;
  /** Sentences about what was ignored. */
  readonly warnings: readonly string[];
}

/** The only tensor of the file. */
export const promptTensor = 'prompt_embeddings';
export const prefixType = 'PREFIX_TUNING';
export const promptType = 'P_TUNING';

const hint = 'Use an adapter that was trained on this model.';
const place: JsonPlace = { code: 'adapter.config', label: configFile, hint: 'Use an adapter folder as PEFT saves it.' };

/** Columns of a row of the table: what PEFT calls token_dim, times the parts of a row. */
export function promptWidth(kind: PromptAdapter['kind'], model: ModelConfig): number {
  return kind === 'prompt' ? model.hiddenSize : 2 * model.layers * model.kvHeads * model.headDim;
}

/**
 * Reads the folder of a PREFIX_TUNING or P_TUNING adapter that PEFT saved, for `model`. Throws a problem for missing
 * files, other kinds of adapters, tables of another model (naming both shapes), and NaN or infinite values.
 */
export function readPromptAdapter(files: FileSet, model: ModelConfig): PromptAdapter {
  const object = parseJsonObject(adapterText(files, configFile), place);
  const kind = kindOf(object);
  const count = intField(object, 'num_virtual_tokens', place, { min: 1, max: 1 << 20 });
  const submodules = intField(object, 'num_transformer_submodules', place, { min: 1, max: 2, fallback: 1 });
  if (submodules !== 1) throw unsupported('num_transformer_submodules', submodules, 'encoder-decoder models');
  const saved = field(object, 'modules_to_save');
  if (Array.isArray(saved) && saved.length > 0)
    throw unsupported('modules_to_save', saved, 'adapters with fully trained modules');
  checkModel(object, kind, model);
  const values = readTable(requireAdapterFile(files, weightsFile), [count, promptWidth(kind, model)], model);
  const encoded = kind === 'prompt' || boolField(object, 'prefix_projection', place, false);
  return { kind, count, values, encoded, warnings: unknownKeys(object) };
}

function kindOf(object: JsonObject): PromptAdapter['kind'] {
  const type = field(object, 'peft_type');
  if (type === prefixType) return 'prefix';
  if (type === promptType) return 'prompt';
  const found = type === undefined ? 'has no peft_type' : `has peft_type ${describe(type)}`;
  throw problem('adapter.type', `${configFile} ${found}, not "${prefixType}" or "${promptType}".`, place.hint);
}

/** token_dim and num_layers are written by PEFT; where they are there, they say most clearly what does not fit. */
function checkModel(object: JsonObject, kind: PromptAdapter['kind'], model: ModelConfig): void {
  const width = kind === 'prompt' ? model.hiddenSize : model.kvHeads * model.headDim;
  const expected = { token_dim: width, num_layers: model.layers };
  for (const [key, size] of Object.entries(expected)) {
    if (field(object, key) === undefined) continue;
    const found = intField(object, key, place, { min: 1, max: 1 << 24 });
    if (found === size) continue;
    const heads = kind === 'prefix' && key === 'token_dim' && found === model.hiddenSize && width !== found;
    const reason = heads
      ? ` The model has ${model.kvHeads} key heads of ${model.headDim}, so keys are ${width} wide, not ${found}.`
      : '';
    throw problem('adapter.shape', `${configFile}: ${key} is ${found}; this model needs ${size}.${reason}`, hint);
  }
}

function readTable(bytes: Uint8Array, shape: readonly [number, number], model: ModelConfig): Float32Array<ArrayBuffer> {
  const { tensors } = readSafetensors(bytes, weightsFile);
  const other = [...tensors.keys()].find(name => name !== promptTensor);
  if (other !== undefined)
    throw problem('adapter.tensor', `${weightsFile} holds ${other}, which is no part of a prefix or prompt.`, hint);
  const entry = tensors.get(promptTensor);
  if (!entry) throw problem('adapter.tensor', `${weightsFile} lacks ${promptTensor}.`, 'Save the adapter again.');
  if (entry.shape.join() !== shape.join())
    throw problem(
      'adapter.shape',
      `${weightsFile}: ${promptTensor} has the shape [${entry.shape.join(', ')}]; ${configFile} and a model of ` +
        `${model.layers} blocks with ${model.kvHeads} key heads of ${model.headDim} need [${shape.join(', ')}].`,
      hint,
    );
  return readAdapterTensor(bytes, promptTensor, entry);
}

function unsupported(key: string, value: unknown, what: string) {
  return problem('adapter.variant', `${configFile}: ${key} is ${describe(value)}; ${what} are not supported.`, hint);
}

/** Keys that are read, or that have no effect once an adapter is trained. */
const known = new Set(
  ['peft_type', 'num_virtual_tokens', 'num_transformer_submodules', 'modules_to_save', 'token_dim', 'num_layers']
    .concat(['prefix_projection', 'encoder_hidden_size', 'encoder_reparameterization_type', 'encoder_num_layers'])
    .concat(['encoder_dropout', 'init_weights', 'num_attention_heads', 'inference_mode', 'task_type', 'auto_mapping'])
    .concat(['base_model_name_or_path', 'revision', 'peft_version']),
);

function unknownKeys(object: JsonObject): string[] {
  return Object.keys(object)
    .filter(key => !known.has(key) && field(object, key) !== undefined)
    .map(key => `${configFile}: the key ${key} is not known and was ignored.`);
}
