import type { BottleneckConfig } from '../../../src/common/config/schema';
import { problem } from '../../../src/common/errors';
import type { FileSet } from '../../../src/common/run/events';
import { adapterName, adapterPlaces, isResidual, nonLinearity, type AdapterPlace } from '../methods/bottleneckPlaces';
import { tensorCatalog } from '../model/catalog';
import type { ModelConfig } from '../model/config';
import { parseAdaptersConfig, type AdaptersConfig } from './adaptersConfig';
import { decodeToF32, firstNonFinite } from './dtypes';
import { readSafetensors, type TensorEntry } from './safetensors';

/** A checked adapter folder of the `adapters` library. */
export interface BottleneckAdapter {
  readonly config: AdaptersConfig;
  readonly places: readonly AdapterPlace[];
  /** By the names of `AdapterPlace.tensors`, and base norms that were trained with it by their own. */
  readonly tensors: ReadonlyMap<string, Float32Array<ArrayBuffer>>;
}

export const adaptersConfigFile = 'adapter_config.json';
export const adaptersWeightsFile = 'adapter.safetensors';
const hint = 'Use an adapter that was trained on this model.';

/**
 * Reads an adapter folder for `model`.
 * @throws `adapter.*` for missing files, other kinds of adapters, tensors that are missing, unknown, of another shape or
 * not finite, naming tensor and shapes.
 */
export function readBottleneckAdapter(files: FileSet, model: ModelConfig): BottleneckAdapter {
  const config = parseAdaptersConfig(decodeText(requireFile(files, adaptersConfigFile)));
  const bytes = requireFile(files, adaptersWeightsFile);
  const outer = model.family === 'gpt2' ? 'transformer.' : 'model.';
  const found = new Map<string, TensorEntry>();
  for (const [key, entry] of readSafetensors(bytes, adaptersWeightsFile).tensors) {
    const name = key.replace(`adapters.${config.name}.`, `adapters.${adapterName}.`);
    found.set(name.startsWith(outer) || name.startsWith('lm_head.') ? name : outer + name, entry);
  }
  const places = adapterPlaces({ ...shapeOf(config), train_layer_norms: false }, model);
  const tensors = new Map<string, Float32Array<ArrayBuffer>>();
  const take = (name: string, shape: readonly number[]) => {
    const entry = found.get(name);
    if (!entry) throw problem('adapter.tensor', `${adaptersWeightsFile} lacks ${name}.`, 'Save the adapter again.');
    tensors.set(name, readValues(bytes, name, entry, shape));
    found.delete(name);
  };
  for (const place of places) for (const { name, shape } of place.tensors) take(name, shape);
  for (const { name, shape, kind } of tensorCatalog(model)) if (kind === 'norm' && found.has(name)) take(name, shape);
  const left = [...found.keys()].at(0);
  if (left !== undefined)
    throw problem(
      'adapter.tensor',
      `${adaptersWeightsFile} holds ${left}, which has no place in this model or configuration.`,
      hint,
    );
  return { config, places, tensors };
}

/** What decides places and shapes, as a config of ours. */
function shapeOf(config: AdaptersConfig): BottleneckConfig {
  const { placement, non_linearity, reduction_factor, leave_out } = config;
  return {
    type: 'bottleneck',
    placement,
    non_linearity,
    reduction_factor,
    leave_out: [...leave_out],
    init_weights: 'bert',
    train_layer_norms: false,
  };
}

/**
 * Refuses to continue `adapter` under a config that would make another function of its tensors.
 * @throws `adapter.differs` naming the key to change.
 */
export function checkContinuesAdapter(
  adapter: BottleneckAdapter,
  config: BottleneckConfig,
  places: readonly AdapterPlace[],
): void {
  const fail = (what: string, fix: string) => problem('adapter.differs', `The adapter ${what}.`, fix);
  const found = adapter.config;
  if (found.placement !== config.placement)
    throw fail(`has the placement ${found.placement}`, `Set method.placement to ${found.placement}.`);
  if (!isResidual(config.placement) && found.non_linearity !== nonLinearity(config))
    throw fail(`has the non-linearity ${found.non_linearity}`, `Set method.non_linearity to ${found.non_linearity}.`);
  const own = new Set(adapter.places.map(({ prefix }) => prefix));
  if (own.size !== places.length || !places.every(({ prefix }) => own.has(prefix)))
    throw fail(`leaves out blocks [${found.leave_out.join(', ')}]`, 'Set method.leave_out to match.');
  const width = adapter.places[0].tensors[0].shape[0];
  if (width !== places[0].tensors[0].shape[0])
    throw fail(`has a bottleneck of ${width}`, `Set method.bottleneck_size to ${width}.`);
  const trained = new Set(places.flatMap(({ tensors }) => tensors.map(({ name }) => name)));
  if (!config.train_layer_norms && [...adapter.tensors.keys()].some(name => !trained.has(name)))
    throw fail('was trained together with the norms of the model', 'Set method.train_layer_norms to true.');
}

function requireFile(files: FileSet, name: string): Uint8Array {
  if (Object.hasOwn(files, name)) return files[name];
  const older = name === adaptersWeightsFile && Object.hasOwn(files, 'pytorch_adapter.bin');
  throw problem(
    'adapter.missing',
    `The adapter folder has no ${name}.`,
    older
      ? 'Save the adapter again with save_adapter(folder, name, use_safetensors=True).'
      : 'Choose a folder that the adapters library saved with use_safetensors=True.',
  );
}

function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw problem('adapter.config', `${adaptersConfigFile} is not UTF-8 text.`, 'Use the file as it was saved.');
  }
}

function readValues(
  bytes: Uint8Array,
  name: string,
  entry: TensorEntry,
  shape: readonly number[],
): Float32Array<ArrayBuffer> {
  if (entry.shape.join() !== shape.join())
    throw problem(
      'adapter.shape',
      `${adaptersWeightsFile}: ${name} has the shape [${entry.shape.join(', ')}]; this model and ${adaptersConfigFile} need [${shape.join(', ')}].`,
      hint,
    );
  const values = decodeToF32(entry.dtype, bytes.subarray(entry.begin, entry.end));
  const bad = firstNonFinite(values);
  if (bad < 0) return values;
  throw problem('adapter.nonfinite', `${adaptersWeightsFile}: ${name} contains ${values[bad]}.`, hint);
}
