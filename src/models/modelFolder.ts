import { problem, ProblemError } from '../common/errors';
import type { ByteSource, ModelFiles, WeightFile } from '../common/protocol';
import { decodeText, encodeText, staysInside, type Files } from '../runs/files';
import { contentHash } from '../runs/hash';

/** So many bytes of weight files are hashed; of a file beyond them name and size go into the fingerprint. */
const wholeHashBytes = 64 * 1024 * 1024;

export interface ModelSource {
  readonly files: ModelFiles;
  /** Names the content of the model: a resumed run must find the same. */
  readonly fingerprint: string;
}

export interface ModelFolderOptions {
  /** How the person named the model. */
  readonly label: string;
  /** An address from which the engine's page can fetch a weight file. */
  readonly weightUri?: (name: string) => string | undefined;
  /** Opens a weight file where the engine runs in the same process. Without this and an address the bytes are sent. */
  readonly openWeights?: (name: string) => ByteSource;
}

/**
 * Reads a Hugging Face model folder: `config.json`, `tokenizer.json`, and `model.safetensors` or
 * `model.safetensors.index.json` with its shards. Texts are read, weights only where they cannot be read later.
 *
 * @param files rooted at the model's folder.
 * @throws `model.missingFile` naming the file, `model.badIndex` for an index that is not one.
 */
export async function readModelFolder(files: Files, options: ModelFolderOptions): Promise<ModelSource> {
  const { label } = options;
  const config = await requiredText(files, 'config.json', label);
  const tokenizer = await requiredText(files, 'tokenizer.json', label);
  const names = await weightNames(files, label);
  const weights: WeightFile[] = [];
  let unhashed = wholeHashBytes;
  const parts: Uint8Array[] = [encodeText(config), encodeText(tokenizer)];
  for (const name of names) {
    const size = (await files.stat(name))?.size;
    if (size === undefined) throw missing(label, name);
    const later = readLater(name, options);
    // A size of 0 means that the file system does not know sizes, as for the files of a web extension.
    const isHashed = size <= unhashed;
    const bytes = !later || isHashed ? await files.read(name) : undefined;
    parts.push(encodeText(`${name}:${bytes?.length ?? size}`), ...(bytes && isHashed ? [bytes] : []));
    unhashed -= isHashed ? (bytes?.length ?? 0) : 0;
    if (later) weights.push(later);
    else if (bytes) weights.push({ name, bytes });
  }
  return {
    fingerprint: await contentHash(parts),
    files: {
      label,
      config,
      tokenizer,
      tokenizerConfig: await optionalText(files, 'tokenizer_config.json'),
      chatTemplate: await optionalText(files, 'chat_template.jinja'),
      generationConfig: await optionalText(files, 'generation_config.json'),
      weights,
    },
  };
}

/** A weight file that the engine's page fetches, or that the engine reads itself. */
function readLater(name: string, { weightUri, openWeights }: ModelFolderOptions): WeightFile | undefined {
  const uri = weightUri?.(name);
  if (uri !== undefined) return { name, uri };
  return openWeights && { name, source: openWeights(name) };
}

/** Names of the weight files: one, or the shards of an index. Throws `model.missingFile` and `model.badIndex`. */
export async function weightNames(files: Files, label: string): Promise<string[]> {
  if (await files.stat('model.safetensors')) return ['model.safetensors'];
  const index = await optionalText(files, 'model.safetensors.index.json');
  if (index === undefined) throw missing(label, 'model.safetensors');
  const names = shardNames(index);
  if (!names) {
    const message = `${label}/model.safetensors.index.json has no usable "weight_map".`;
    throw problem('model.badIndex', message, 'Download the model again.');
  }
  return names;
}

/** The shard names of an index file in order, or `undefined` if it is not one. */
export function shardNames(index: string): string[] | undefined {
  let map: unknown;
  try {
    map = (JSON.parse(index) as { weight_map?: unknown } | null)?.weight_map;
  } catch {
    return undefined;
  }
  if (typeof map !== 'object' || map === null) return undefined;
  const names = [...new Set<unknown>(Object.values(map))];
  const good = names.every((name): name is string => typeof name === 'string' && staysInside(name));
  return good && names.length > 0 ? names.sort() : undefined;
}

async function requiredText(files: Files, name: string, label: string): Promise<string> {
  const text = await optionalText(files, name);
  if (text === undefined) throw missing(label, name);
  return text;
}

async function optionalText(files: Files, name: string): Promise<string | undefined> {
  try {
    return decodeText(await files.read(name));
  } catch (error) {
    if (error instanceof ProblemError && error.problem.code === 'file.missing') return undefined;
    throw error;
  }
}

function missing(label: string, name: string): ProblemError {
  const hint =
    'A model is a Hugging Face folder with config.json, tokenizer.json and model.safetensors, or builtin:tiny.';
  return problem('model.missingFile', `The model ${label} has no ${name}.`, hint);
}
