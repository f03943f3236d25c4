import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { ignoredLabel } from '../../../webview/engine/data/examples';
import { loadTokenizer } from '../../../webview/engine/data/tokenizer';
import { exactMatch, promptOf } from '../../../webview/engine/generate/exactMatch';
import type { NextLogits } from '../../../webview/engine/generate/nextLogits';

const tokenizer = loadTokenizer(
  readFileSync('media/models/tiny/tokenizer.json', 'utf8'),
  '{"eos_token": "<|endoftext|>"}',
);
const ends = new Set([tokenizer.eosId]);

function example(prompt: string, completion: string) {
  const [before, after] = [tokenizer.encode(prompt), [...tokenizer.encode(completion), tokenizer.eosId]];
  return {
    ids: Uint32Array.from([...before, ...after]),
    labels: Int32Array.from([...before.map(() => ignoredLabel), ...after]),
  };
}

/** A model that answers every prompt with this text and the end; `asked` counts its tokens. */
function parrot(answer: string, prompt: string) {
  const start = tokenizer.encode(prompt).length;
  const says = [...tokenizer.encode(answer), tokenizer.eosId];
  const state = { asked: 0 };
  const model: NextLogits = {
    longest: 200,
    after: text => {
      state.asked++;
      const logits = new Float32Array(tokenizer.vocabSize);
      logits[says[text.length - start] ?? tokenizer.eosId] = 1;
      return Promise.resolve(logits);
    },
  };
  return { model, state };
}

describe('exact match', () => {
  const prompt = 'Define LOVE:';
  const wanted = ' n. A temporary insanity curable by marriage — naïve.';
  const rate = async (answer: string) => {
    const { model, state } = parrot(answer, prompt);
    return { share: await exactMatch(model, [example(prompt, wanted)], { tokenizer, ends }), ...state };
  };

  it('is met by the expected text, whatever white space stands around it', async () => {
    assert.equal((await rate(wanted)).share, 1);
    assert.equal((await rate(wanted.trim())).share, 1);
  });

  it('is missed by another text, by one that ends too early and by one that goes on', async () => {
    for (const answer of [' n. A temporary sanity', ' n. A temporary insanity', `${wanted} Or not.`, ''])
      assert.equal((await rate(answer)).share, 0, answer);
  });

  it('leaves a completion as soon as it cannot be met', async () => {
    assert.ok((await rate(' x')).asked <= 2);
    assert.equal((await rate(wanted)).asked, tokenizer.encode(wanted).length + 1);
  });

  it('is a share of the rows that have a prompt', async () => {
    const { model } = parrot(wanted, prompt);
    const rows = [example(prompt, wanted), example(prompt, ' n. Other.'), example('', 'no prompt')];
    assert.equal(await exactMatch(model, rows, { tokenizer, ends }), 1 / 2);
    assert.equal(await exactMatch(model, rows.slice(2), { tokenizer, ends }), undefined);
    assert.equal(await exactMatch({ ...model, longest: 3 }, rows.slice(0, 1), { tokenizer, ends }), 0);
  });

  it('takes what stands before the first label as prompt, and the labelled tokens from there', () => {
    const none = ignoredLabel;
    const labels = Int32Array.of(none, none, 7, 8, none, 9);
    const ids = Uint32Array.of(5, 6, 7, 8, 4, 9);
    assert.deepEqual(promptOf({ ids, labels }), { prompt: [5, 6], expected: [7, 8] });
  });
});
