import { problem } from '../../../src/common/errors';
import { describe, field, isObject, wrongField, type JsonObject, type JsonPlace } from '../formats/jsonFields';

/** Larger than any published vocabulary; stops a forged id from sizing a table. */
const maxTokens = 1 << 22;
const modelTypes = ['BPE', 'Unigram', 'WordPiece'];

/**
 * Checks the parts of a `tokenizer.json` that size tables and index them. Returns one more than the largest id.
 * Throws a problem for a missing or unknown model, a vocabulary of the wrong form and ids that are no small integers.
 */
export function checkTokenizerJson(definition: JsonObject, place: JsonPlace): number {
  const model = field(definition, 'model');
  if (!isObject(model)) throw wrongField(place, 'model', 'an object', model);
  const type = field(model, 'type') ?? 'BPE';
  if (typeof type !== 'string' || !modelTypes.includes(type))
    throw wrongField(place, 'model.type', `one of ${modelTypes.join(', ')}`, type);
  const added = field(definition, 'added_tokens') ?? [];
  if (!Array.isArray(added)) throw wrongField(place, 'added_tokens', 'a list', added);
  return Math.max(vocabularyEnd(model, type, place), ...added.map(token => addedEnd(token, place)));
}

function vocabularyEnd(model: JsonObject, type: string, place: JsonPlace): number {
  const vocab = field(model, 'vocab');
  if (type === 'Unigram') {
    if (Array.isArray(vocab) && vocab.length > 0 && vocab.length <= maxTokens) return vocab.length;
    throw wrongField(place, 'model.vocab', 'a list of tokens with scores', vocab);
  }
  if (!isObject(vocab)) throw wrongField(place, 'model.vocab', 'an object of token ids', vocab);
  let end = 0;
  for (const [token, id] of Object.entries(vocab)) end = Math.max(end, checkId(token, id, place) + 1);
  return end;
}

function addedEnd(token: unknown, place: JsonPlace): number {
  if (isObject(token) && typeof token['content'] === 'string') return checkId(token['content'], token['id'], place) + 1;
  throw wrongField(place, 'added_tokens', 'a list of objects with id and content', token);
}

function checkId(token: string, id: unknown, place: JsonPlace): number {
  if (typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < maxTokens) return id;
  const shown = JSON.stringify(token.slice(0, 40));
  throw problem(place.code, `${place.label}: the id of token ${shown} is ${describe(id)}.`, place.hint);
}
