import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { ProblemError } from '../../../src/common/errors';
import {
  countLossTokens,
  ignoredLabel,
  tokenizeRows,
  type ExampleOptions,
} from '../../../webview/engine/data/examples';
import { readRows } from '../../../webview/engine/data/rows';
import { loadTokenizer } from '../../../webview/engine/data/tokenizer';

const definition = (name: string) => readFileSync(resolve(name), 'utf8');
const tiny = loadTokenizer(definition('media/models/tiny/tokenizer.json'), '{"eos_token": "<|endoftext|>"}');
const llama3 = loadTokenizer(
  definition('test/reference/tokenizers/llama3.json'),
  '{"bos_token": "<|begin_of_text|>", "eos_token": "<|end_of_text|>"}',
);

function tokenize(
  lines: readonly object[],
  { tokenizer = tiny, maxLength = 64, vocabSize, loss }: Partial<ExampleOptions & { tokenizer: typeof tiny }> = {},
) {
  const rows = readRows(new TextEncoder().encode(lines.map(line => JSON.stringify(line)).join('\n')), 'train.jsonl');
  return tokenizeRows(rows, tokenizer, { maxLength, label: 'train.jsonl', vocabSize, loss });
}

function message(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof ProblemError) return `${error.problem.code}: ${error.problem.message}`;
    throw error;
  }
  throw new assert.AssertionError({ message: 'no problem was thrown' });
}

describe('examples', () => {
  it('learn the completion and its end, not the prompt', () => {
    const [prompt, completion] = ['Define LOVE:', ' A temporary insanity.'];
    const { examples } = tokenize([{ prompt, completion }]);
    const [before, after] = [tiny.encode(prompt), [...tiny.encode(completion), tiny.eosId]];
    assert.deepEqual([...examples[0].ids], [...before, ...after]);
    assert.deepEqual([...examples[0].labels], [...before.map(() => ignoredLabel), ...after]);
  });

  it('learn prompts and other turns too where all counts, but not what labels leave out', () => {
    const [pair] = tokenize([{ prompt: 'Define LOVE:', completion: ' x' }], { loss: 'all' }).examples;
    assert.deepEqual([...pair.labels], [...pair.ids]);
    assert.equal(countLossTokens(pair), pair.ids.length - 1);
    const [labelled] = tokenize([{ input_ids: [5, 6, 7], labels: [-100, -100, 7] }], { loss: 'all' }).examples;
    assert.deepEqual([...labelled.labels], [-100, -100, 7]);
  });

  it('mask by length: an end token within the prompt or completion changes nothing', () => {
    const { examples } = tokenize([{ prompt: 'a<|endoftext|>', completion: '<|endoftext|>b' }]);
    const [a] = tiny.encode('a');
    const [b] = tiny.encode('b');
    assert.deepEqual([...examples[0].ids], [a, tiny.eosId, tiny.eosId, b, tiny.eosId]);
    assert.deepEqual([...examples[0].labels], [-100, -100, tiny.eosId, b, tiny.eosId]);
  });

  it('end once', () => {
    const { examples } = tokenize([
      { prompt: 'a', completion: 'b<|endoftext|>' },
      { prompt: 'a', completion: 'b' },
    ]);
    assert.deepEqual(examples[0], examples[1]);
  });

  it('learn all of a text, and start as the tokenizer starts', () => {
    const ids = llama3.encode('Some text');
    const { examples } = tokenize([{ text: 'Some text' }], { tokenizer: llama3 });
    assert.deepEqual([...examples[0].ids], [llama3.bosId, ...ids, llama3.eosId]);
    assert.deepEqual([...examples[0].labels], [llama3.bosId, ...ids, llama3.eosId]);
    const prompted = tokenize([{ prompt: 'Some', completion: ' text' }], { tokenizer: llama3 }).examples[0];
    assert.equal(prompted.ids[0], llama3.bosId);
    assert.equal([...prompted.ids].filter(id => id === llama3.bosId).length, 1);
  });

  it('may come tokenized', () => {
    const { examples } = tokenize([{ input_ids: [5, 6, 7], labels: [-100, -100, 7] }]);
    assert.deepEqual([...examples[0].ids], [5, 6, 7]);
    assert.deepEqual([...examples[0].labels], [-100, -100, 7]);
    assert.equal(tokenize([{ input_ids: [5, 2050] }], { vocabSize: 2051 }).examples.length, 1);
    assert.match(
      message(() => tokenize([{ input_ids: [5] }, { input_ids: [5, 2048] }])),
      /^data\.token: train\.jsonl, line 2: token id 2048 is outside the vocabulary of 2048/,
    );
  });

  it('are cut at the end, and counted', () => {
    const rows = [
      { prompt: 'x', completion: ' y z x y z' },
      { prompt: 'x y z x y z', completion: ' a' },
      { prompt: 'a', completion: 'b' },
    ];
    const { examples, skipped, truncated } = tokenize(rows, { maxLength: 4 });
    assert.deepEqual([examples.length, skipped, truncated], [2, 1, 2]);
    assert.deepEqual([...examples[0].ids], [...tiny.encode('x'), ...tiny.encode(' y z x y z')].slice(0, 4));
    assert.equal(examples[0].labels.length, 4);
  });

  it('without a token to predict are skipped: the first token has none before it', () => {
    const { examples, skipped } = tokenize([
      { input_ids: [5], labels: [5] },
      { input_ids: [5, 6], labels: [5, -100] },
      { input_ids: [], labels: [] },
      { input_ids: [5, 6], labels: [-100, 6] },
    ]);
    assert.deepEqual([examples.length, skipped], [1, 3]);
    assert.equal(countLossTokens(examples[0]), 1);
    assert.equal(tokenize([{ text: '' }, { text: 'a' }]).skipped, 1);
  });

  it('must not all be skipped', () => {
    assert.match(
      message(() => tokenize([{ prompt: 'a b c d e f', completion: ' g' }], { maxLength: 3 })),
      /^data\.noLoss: train\.jsonl: none of the 1 rows has a token to learn; 1 were cut to 3 tokens/,
    );
    assert.match(
      message(() => tokenize([{ input_ids: [1, 2], labels: [-100, -100] }])),
      /^data\.noLoss: .*labels are all -100/,
    );
  });
});
