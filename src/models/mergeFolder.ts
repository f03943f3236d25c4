import { problem } from '../common/errors';
import { decodeText, encodeText, joinPath, type Files } from '../runs/files';
import { weightNames } from './modelFolder';

/** What makes merged weights of a model's files; see `openMerge` of the engine. */
export interface WeightMerger {
  readonly tensors: number;
  readonly config: string;
  shard(name: string, bytes: Uint8Array): Generator<void, Uint8Array>;
  finish(): void;
}

export interface MergeFolder {
  /** Rooted at the base model's folder. */
  readonly source: Files;
  /** How the person named the base model. */
  readonly label: string;
  /** Rooted at the folder in which the merged model's folder `name` is made. */
  readonly target: Files;
  readonly name: string;
  readonly merger: WeightMerger;
  /** Awaited after each of `total` weights; it may reject, and nothing is left then. */
  readonly progress: (done: number, total: number) => Promise<void>;
}

const indexName = 'model.safetensors.index.json';
/** What a model's folder has beside its weights: configs, tokenizer, templates, licence. */
const passedOn = /\.(json|jinja|txt|model)$|^(LICEN[CS]E|NOTICE)/i;
const notPassedOn = ['config.json', indexName, 'files.json', 'adapter_config.json'];

/**
 * Writes a merged model as a Hugging Face folder with the same weight files as its base, one in memory at a time. The folder
 * has a temporary name until it is complete. Answers the number of files.
 *
 * @throws what the merger throws, `model.missingFile`, and what the files throw; the temporary folder is removed then.
 */
export async function mergeFolder(options: MergeFolder): Promise<number> {
  const { source, target, name, label, merger } = options;
  const partial = `${name}.partial`;
  await target.remove(partial);
  try {
    const weights = await weightNames(source, label);
    const total = await writeWeights(options, partial, weights);
    merger.finish();
    const others = await writeOthers(options, partial, weights.includes('model.safetensors') ? undefined : total);
    await target.rename(partial, name);
    return weights.length + others;
  } catch (error) {
    await target.remove(partial);
    throw error;
  }
}

/** Answers the bytes of all tensors. */
async function writeWeights(options: MergeFolder, partial: string, names: readonly string[]): Promise<number> {
  const { source, target, merger, progress } = options;
  let [done, bytes] = [0, 0];
  for (const name of names) {
    const steps = merger.shard(name, await source.read(name));
    let step = steps.next();
    for (; step.done !== true; step = steps.next()) await progress((done += 1), merger.tensors);
    await target.write(joinPath(partial, name), step.value);
    bytes += tensorBytes(step.value);
  }
  return bytes;
}

/** Bytes of a safetensors file after its header, whose length is in front. */
function tensorBytes(file: Uint8Array): number {
  return file.length - 8 - new DataView(file.buffer, file.byteOffset).getUint32(0, true);
}

/** The small files; `total` is the size for the index, where there is one. Answers how many. */
async function writeOthers({ source, target, merger }: MergeFolder, partial: string, total?: number): Promise<number> {
  const entries = await source.list('');
  const names = entries.filter(({ name, folder }) => !folder && passedOn.test(name) && !notPassedOn.includes(name));
  for (const { name } of names) await target.write(joinPath(partial, name), await source.read(name));
  await target.write(joinPath(partial, 'config.json'), encodeText(merger.config));
  if (total === undefined) return names.length + 1;
  const index = withTotal(decodeText(await source.read(indexName)), total);
  await target.write(joinPath(partial, indexName), encodeText(index));
  return names.length + 2;
}

function withTotal(text: string, total: number): string {
  const index: unknown = JSON.parse(text);
  if (typeof index !== 'object' || index === null)
    throw problem('model.badIndex', `${indexName} is not an object.`, 'Download the model again.');
  const metadata = 'metadata' in index && typeof index.metadata === 'object' ? index.metadata : {};
  return `${JSON.stringify({ ...index, metadata: { ...metadata, total_size: total } }, undefined, 2)}\n`;
}
