import { problem } from '../../../src/common/errors';
import type { ModelFiles } from '../../../src/common/protocol';
import { checkTokenizer, loadTokenizer, type TextTokenizer } from '../data/tokenizer';
import { parseModelConfig, type ModelConfig } from '../model/config';
import { openTensors, type TensorSource } from '../model/source';

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
  const shards = files.weights.map(file => {
    if ('bytes' in file) return { name: file.name, bytes: file.bytes };
    throw problem('model.bytes', `${file.name} was not loaded.`, 'Reload the window and start again.');
  });
  return { model, tokenizer, weights: openTensors(shards, model) };
}

/** Tokens of a prompt; an empty one starts from the tokenizer's start token. */
export function promptTokens(prompt: string, tokenizer: TextTokenizer): number[] {
  const tokens = tokenizer.encode(prompt, true);
  return tokens.length > 0 ? tokens : [tokenizer.bosId ?? tokenizer.eosId];
}
