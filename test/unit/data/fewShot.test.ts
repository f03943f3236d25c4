import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { drawShots, promptWithShots, withShots } from '../../../webview/engine/data/fewShot';
import { countLossTokens, ignoredLabel, tokenizeRows } from '../../../webview/engine/data/examples';
import { readRows } from '../../../webview/engine/data/rows';
import { loadTokenizer } from '../../../webview/engine/data/tokenizer';

const tokenizer = loadTokenizer(
  readFileSync('media/models/tiny/tokenizer.json', 'utf8'),
  '{"eos_token": "<|endoftext|>"}',
  "{% for message in messages %}{{ message.role }}: {{ message.content }}{% if message.role == 'assistant' %}{{ eos_token }}{% endif %}{% endfor %}",
);
const rowsOf = (rows: readonly object[]) =>
  readRows(new TextEncoder().encode(rows.map(row => JSON.stringify(row)).join('\n')), 'rows.jsonl');
const options = {
  tokenizer,
  format: { template: 'Q: {prompt}\nA:{completion}', separator: '\n##\n' },
  positions: 512,
  maxLength: 64,
  label: 'eval.jsonl',
};
const scored = (example: { ids: Uint32Array; labels: Int32Array }) =>
  [...example.ids].filter((_, at) => at > 0 && example.labels[at] !== ignoredLabel);

describe('shots', () => {
  it('are drawn without repetition, alike for one seed, otherwise for another draw or seed', () => {
    const drawn = drawShots(50, 12, 3, 0);
    assert.equal(new Set(drawn).size, 12);
    assert.ok(drawn.every(row => row >= 0 && row < 50));
    assert.deepEqual(drawShots(50, 12, 3, 0), drawn);
    assert.notDeepEqual(drawShots(50, 12, 3, 1), drawn);
    assert.notDeepEqual(drawShots(50, 12, 4, 0), drawn);
    assert.deepEqual([...drawShots(4, 9, 1, 0)].sort(), [0, 1, 2, 3]);
  });

  it('come as every row equally often', () => {
    const counts = new Array<number>(10).fill(0);
    for (let draw = 0; draw < 4000; draw++) for (const row of drawShots(10, 3, 5, draw)) counts[row]++;
    const deviation = Math.sqrt(4000 * 0.3 * 0.7);
    assert.ok(
      counts.every(count => Math.abs(count - 1200) < 4 * deviation),
      counts.join(),
    );
  });

  it('stand before the row in the template, and only its own completion is scored', () => {
    const shots = rowsOf([
      { prompt: 'one {completion}', completion: ' eins' },
      { prompt: 'two', completion: ' zwei $&' },
    ]);
    const rows = rowsOf([{ prompt: 'three {prompt}', completion: ' drei' }]);
    const [example] = withShots(rows, shots, options);
    const text = 'Q: one {completion}\nA: eins\n##\nQ: two\nA: zwei $&\n##\nQ: three {prompt}\nA:';
    assert.equal(tokenizer.decode([...example.ids]), `${text} drei`);
    assert.deepEqual(scored(example), [...tokenizer.encode(' drei'), tokenizer.eosId]);
    assert.equal(tokenizer.decode(promptWithShots('three {prompt}', shots, options)), text);
  });

  for (const [kind, make] of [
    ['completion', (i: number) => ({ prompt: `ask ${i}`, completion: ` answer ${i} with more words` })],
    ['text', (i: number) => ({ text: `some text ${i} of several words` })],
    ['tokens', (i: number) => ({ input_ids: [5, 6 + i, 7, 8, 9], labels: [-100, -100, 7, 8, 9] })],
    [
      'messages',
      (i: number) => ({
        messages: [
          { role: 'user', content: `ask ${i}` },
          { role: 'assistant', content: `answer ${i}` },
        ],
      }),
    ],
  ] as readonly (readonly [string, (i: number) => object])[])
    it(`score the tokens of ${kind} rows that are scored without shots, also when they are cut`, () => {
      const rows = rowsOf([1, 2, 3].map(i => make(i)));
      const shots = rowsOf([7, 8].map(i => make(i)));
      for (const maxLength of [64, 8]) {
        const plain = tokenizeRows(rows, tokenizer, { ...options, maxLength }).examples;
        const shown = withShots(rows, shots, { ...options, maxLength });
        assert.deepEqual(shown.map(scored), plain.map(scored));
        assert.deepEqual(shown.map(countLossTokens), plain.map(countLossTokens));
        assert.ok(shown.every((example, at) => example.ids.length > plain[at].ids.length));
      }
    });

  it('must be rows of the same kind, and fit the model', () => {
    const rows = rowsOf([{ prompt: 'a', completion: 'b' }]);
    assert.throws(() => withShots(rows, rowsOf([{ text: 'c' }]), options), /different kinds/);
    assert.throws(
      () => withShots(rows, rows, { ...options, positions: 8 }),
      /line 1: with its shots it has \d+ tokens/,
    );
  });
});
