import { Template } from '@huggingface/jinja';
import { Tokenizer } from '@huggingface/tokenizers';
import { problem } from '../../../src/common/errors';
import { field, isObject, parseJsonObject, type JsonObject } from '../formats/jsonFields';
import type { ModelConfig } from '../model/config';
import type { Message } from './rows';
import { checkTokenizerJson } from './tokenizerJson';

/** Text to token ids and back, as the Hugging Face tokenizer of the same file does it. */
export interface TextTokenizer {
  /** `addSpecial` puts the tokens in front that the tokenizer puts before a text (BOS); an ending is never added. */
  encode(text: string, addSpecial?: boolean): number[];
  /** Special tokens are left out unless `keepSpecial`. */
  decode(ids: readonly number[], keepSpecial?: boolean): string;
  readonly eosId: number;
  readonly bosId?: number;
  /** One more than the largest id. */
  readonly vocabSize: number;
  /** Renders a conversation; absent when there is no chat template. Throws what the template throws. */
  readonly applyChatTemplate?: ChatTemplate;
}

export type ChatTemplate = (messages: readonly Message[], options: { readonly addGenerationPrompt: boolean }) => string;

/** The end and start tokens to use when `tokenizer_config.json` names none. */
export type TokenFallback = Pick<ModelConfig, 'eosTokenIds' | 'bosTokenId'>;

const hint = 'Use the unchanged tokenizer files of the model.';

/**
 * Builds a tokenizer from the text of `tokenizer.json`, `tokenizer_config.json` and `chat_template.jinja` (which wins
 * over the template in the config). Throws a problem for files that are malformed or of an unknown kind, and when no
 * end token is named anywhere.
 */
export function loadTokenizer(
  tokenizerJson: string,
  tokenizerConfigJson?: string,
  chatTemplate?: string,
  fallback?: TokenFallback,
): TextTokenizer {
  const place = { code: 'tokenizer.format', label: 'tokenizer.json', hint };
  const definition = parseJsonObject(tokenizerJson, place);
  const vocabSize = checkTokenizerJson(definition, place);
  const config = tokenizerConfigJson
    ? parseJsonObject(tokenizerConfigJson, { ...place, label: 'tokenizer_config.json' })
    : {};
  const inner = construct(definition, config);
  const special = specialTokens(config);
  const idOf = (name: string) => (special[name] === undefined ? undefined : inner.token_to_id(special[name]));
  const eosId = idOf('eos_token') ?? fallback?.eosTokenIds.at(0);
  if (eosId === undefined)
    throw problem('tokenizer.eos', 'The tokenizer names no end token.', 'Add "eos_token" to tokenizer_config.json.');
  return {
    eosId,
    bosId: idOf('bos_token') ?? fallback?.bosTokenId,
    vocabSize,
    ...codec(inner, config),
    applyChatTemplate: template(chatTemplate ?? configTemplate(config), special),
  };
}

/** Refuses a tokenizer with ids for which the model has no embedding. */
export function checkTokenizer(tokenizer: TextTokenizer, config: ModelConfig): void {
  const largest = Math.max(tokenizer.vocabSize - 1, tokenizer.eosId, tokenizer.bosId ?? 0);
  if (largest < config.vocabSize) return;
  throw problem(
    'tokenizer.vocabulary',
    `The tokenizer has ids up to ${largest}, but the model's vocabulary ends at ${config.vocabSize - 1}.`,
    'Use the tokenizer.json that belongs to this model.',
  );
}

function construct(definition: JsonObject, config: JsonObject): Tokenizer {
  try {
    return new Tokenizer(definition, config);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw problem('tokenizer.format', `tokenizer.json cannot be used: ${reason}`, hint);
  }
}

function codec(inner: Tokenizer, config: JsonObject): Pick<TextTokenizer, 'encode' | 'decode'> {
  const plain = (text: string) => encodeChecked(inner, text, false);
  const before = tokensBefore(inner);
  const cleanUp = field(config, 'clean_up_tokenization_spaces') === true;
  return {
    encode: (text, addSpecial = false) => (addSpecial ? [...before, ...plain(text)] : plain(text)),
    decode: (ids, keepSpecial = false) => {
      if (ids.length === 0) return '';
      return inner.decode([...ids], { skip_special_tokens: !keepSpecial, clean_up_tokenization_spaces: cleanUp });
    },
  };
}

/** What the post-processor puts before a text, found by comparing both ways to encode one. */
function tokensBefore(inner: Tokenizer): number[] {
  const plain = encodeChecked(inner, 'a', false);
  const whole = encodeChecked(inner, 'a', true);
  const start = whole.findIndex((_, index) => plain.every((id, offset) => whole[index + offset] === id));
  return whole.slice(0, Math.max(start, 0));
}

function encodeChecked(inner: Tokenizer, text: string, special: boolean): number[] {
  let ids: (number | undefined)[];
  try {
    ids = inner.encode(text, { add_special_tokens: special }).ids;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw problem('tokenizer.encode', `The tokenizer fails on ${excerpt(text)}: ${reason}`, hint);
  }
  return ids.map(id => {
    if (id !== undefined) return id;
    const message = `The tokenizer has no token for a part of ${excerpt(text)}.`;
    throw problem('tokenizer.encode', message, 'Remove the unusual characters, or use the tokenizer of the model.');
  });
}

function excerpt(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}

/** `bos_token`, `eos_token` … of the config, written as text or as an AddedToken object. */
function specialTokens(config: JsonObject): Record<string, string> {
  const named: Record<string, string> = {};
  for (const key of ['bos_token', 'eos_token', 'pad_token', 'unk_token']) {
    const value = field(config, key);
    const content = isObject(value) ? value['content'] : value;
    if (typeof content === 'string') named[key] = content;
  }
  return named;
}

/** A config holds one template, or a list of named ones of which `default` is meant. */
function configTemplate(config: JsonObject): string | undefined {
  const value = field(config, 'chat_template');
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return undefined;
  const entry = value.filter(isObject).find(candidate => candidate['name'] === 'default');
  return typeof entry?.['template'] === 'string' ? entry['template'] : undefined;
}

function template(source: string | undefined, special: Record<string, string>): ChatTemplate | undefined {
  if (source === undefined) return undefined;
  const parsed = parseTemplate(source);
  return (messages, { addGenerationPrompt }) =>
    parsed.render({ ...special, messages, add_generation_prompt: addGenerationPrompt });
}

function parseTemplate(source: string): Template {
  try {
    return new Template(source);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw problem('tokenizer.template', `The chat template cannot be read: ${reason}`, hint);
  }
}
