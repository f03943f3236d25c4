import type { FileSet } from '../../../src/common/run/events';
import { problem } from '../../../src/common/errors';
import { tensorCatalog } from '../model/catalog';
import type { ModelConfig } from '../model/config';
import { wholeTensor } from '../model/parts';
import { f32Bytes } from './dtypes';
import { parseJsonObject } from './jsonFields';
import { writeSafetensors, type TensorData } from './safetensors';

export interface FullModelExport {
  readonly model: ModelConfig;
  /** Every weight by its catalog name. */
  readonly values: ReadonlyMap<string, Float32Array>;
  /** The model's small files by name (`config.json`, `tokenizer.json` …). */
  readonly passthrough: Readonly<Record<string, string>>;
}

/**
 * A whole model as a Hugging Face folder: `model.safetensors` in F32 with transformers' names, and the small files
 * unchanged, but for the dtype in `config.json`, which would make transformers round the weights while loading.
 */
export function writeFullModel({ model, values, passthrough }: FullModelExport): FileSet {
  const tensors = new Map<string, TensorData>();
  for (const { name, shape } of tensorCatalog(model)) {
    const data = wholeTensor(values, name);
    if (data?.length !== shape.reduce((product, size) => product * size, 1))
      throw problem(
        'model.export',
        `The model has no weight ${name} [${shape.join(', ')}].`,
        'Report this with the config.',
      );
    tensors.set(name, { dtype: 'F32', shape, bytes: f32Bytes(data) });
  }
  const files: Record<string, Uint8Array> = {};
  for (const [name, text] of Object.entries(passthrough))
    files[name] = new TextEncoder().encode(name === 'config.json' ? configAsF32(text) : text);
  return { ...files, 'model.safetensors': writeSafetensors(tensors, { format: 'pt' }) };
}

/** A `config.json` for weights in F32. transformers 5 writes `dtype`, earlier versions `torch_dtype`. */
export function configAsF32(text: string): string {
  const place = { code: 'model.config', label: 'config.json', hint: 'Use the unchanged config.json of the model.' };
  const entries = Object.entries(parseJsonObject(text, place)).map(([key, value]): [string, unknown] =>
    key === 'dtype' || key === 'torch_dtype' ? [key, 'float32'] : [key, value],
  );
  return `${JSON.stringify(Object.fromEntries(entries), undefined, 2)}\n`;
}
