import { problem } from '../../../src/common/errors';
import type { ModelFiles } from '../../../src/common/protocol';
import { inMemory } from '../formats/byteSource';
import { checkTokenizer, loadTokenizer, type TextTokenizer } from '../data/tokenizer';
import { parseModelConfig, type ModelConfig } from '../model/config';
import { openTensors, type Shard, type TensorSource } from '../model/source';

/** A model's files, read and checked against each other. */
export interface ReadModel {
  readonly model: ModelConfig;
  readonly tokenizer: TextTokenizer;
  readonly weights: TensorSource;
}

/** Reads a model. Throws a problem that names the file for what is malformed, missing or does not fit together. */
export function readModel(files: ModelFiles): ReadModel {
  const model = parseModelConfig(files.config, `${files.label}/config.json`);
  const tokenizer = loadTokenizer(files.tokenizer, files.tokenizerConfig, files.chatTemplate, model);
  checkTokenizer(tokenizer, model);
  return { model, tokenizer, weights: openTensors(shardsOf(files), model) };
}

/** The weight files of a model, to be read in pieces. Throws `model.bytes` for one that never came here. */
export function shardsOf({ weights }: Pick<ModelFiles, 'weights'>): Shard[] {
  return weights.map(file => {
    if ('source' in file) return file;
    if ('bytes' in file) return { name: file.name, source: inMemory(file.bytes) };
    throw problem('model.bytes', `${file.name} was not loaded.`, 'Reload the window and start again.');
  });
}

/** Tokens of a prompt; an empty one starts from the tokenizer's start token. */
export function promptTokens(prompt: string, tokenizer: TextTokenizer): number[] {
  const tokens = tokenizer.encode(prompt, true);
  return tokens.length > 0 ? tokens : [tokenizer.bosId ?? tokenizer.eosId];
}
