import assert from 'node:assert/strict';
import fc from 'fast-check';
import { completionsAt } from '../../../src/common/config/completion';
import { cursorAt } from '../../../src/common/config/cursor';
import { hoverAt } from '../../../src/common/config/hover';
import { parseConfig } from '../../../src/common/config/parse';
import { allRules } from '../../../src/common/config/rules/all';
import { pathText } from '../../../src/common/config/range';
import { llama } from './surroundings';

/** `|` marks the cursor. */
function at(marked: string): { text: string; offset: number } {
  const offset = marked.indexOf('|');
  return { text: marked.slice(0, offset) + marked.slice(offset + 1), offset };
}

function labels(marked: string): string[] {
  const { text, offset } = at(marked);
  return completionsAt(text, offset, llama.facts).items.map(({ label }) => label);
}

/** The text after taking a proposal, snippet marks removed. */
function taken(marked: string, label: string): string {
  const { text, offset } = at(marked);
  const item = completionsAt(text, offset, llama.facts).items.find(one => one.label === label);
  assert.ok(item, `${label} is not proposed`);
  const plain = item.insertText
    .replace(/\$\{\d\|([^,|]*)[^}]*\}|\$\{\d:((?:\\.|[^}])*)\}|\$\d/g, '$1$2')
    .replace(/\\(.)/g, '$1');
  return text.slice(0, item.range.start) + plain + text.slice(item.range.end);
}

const head = 'model: builtin:tiny\ndata:\n  train: a.jsonl\n';

describe('cursorAt', () => {
  const places: readonly (readonly [marked: string, kind: string, path: string, list?: boolean])[] = [
    ['|', 'key', ''],
    ['mo|', 'key', ''],
    ['a: 1\n|', 'key', ''],
    ['training:\n  |', 'key', 'training'],
    ['training:\n  learn|\nmemory:\n', 'key', 'training'],
    ['training:\n  seed: 1\n  # note\n\n  w|', 'key', 'training'],
    ['training:\n  seed: |', 'value', 'training.seed'],
    ['model: built|in:tiny', 'value', 'model'],
    ['method:\n  target_modules:\n    - q_|', 'value', 'method.target_modules', true],
    ['method:\n  target_modules:\n  - |', 'value', 'method.target_modules', true],
    ['method:\n  target_modules: [q_proj, |]', 'value', 'method.target_modules', true],
    ['method: {type: lora, r|}', 'key', 'method'],
    ['method: {type: |}', 'value', 'method.type'],
    ['method:\n  rank_pattern:\n    k|', 'key', 'method.rank_pattern'],
    ['{"method": {"type": "lo|"}}', 'value', 'method.type'],
    ['{\n  "training": {"seed": 1,\n    |\n  }\n}', 'key', 'training'],
    ['{"method": {"target_modules": ["|"]}}', 'value', 'method.target_modules', true],
    ["name: it's [x\nmo|", 'key', ''],
    ['# peft-disable R|', 'rule', ''],
  ];
  for (const [marked, kind, path, list = false] of places) {
    it(JSON.stringify(marked), () => {
      const { text, offset } = at(marked);
      const cursor = cursorAt(text, offset);
      assert.deepEqual([cursor?.kind, pathText(cursor?.path ?? ['?']), cursor?.inList], [kind, path, list]);
    });
  }

  it('is nowhere in a comment', () => {
    const { text, offset } = at('a: 1 # about |');
    assert.equal(cursorAt(text, offset), undefined);
  });

  it('never fails', () => {
    const text = fc.array(fc.constantFrom('a', ':', ' ', '\n', '  ', '- ', '{', '}', '[', ']', '"', "'", ',', '#'), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(text, fc.nat(40), (parts, position) => {
        const soup = parts.join('');
        const offset = Math.min(position, soup.length);
        const word = cursorAt(soup, offset)?.word;
        assert.ok(word === undefined || (word.start <= offset && offset <= word.end));
        completionsAt(soup, offset, llama.facts);
        hoverAt(parseConfig(soup), offset);
      }),
      { numRuns: 300 },
    );
  }).timeout(20_000);
});

describe('completionsAt', () => {
  it('proposes the keys that are legal here and not there yet', () => {
    assert.deepEqual(labels('|'), ['name', 'model', 'data', 'method', 'training', 'memory', 'samples']);
    assert.deepEqual(labels(`${head}  |`), ['eval', 'max_length', 'loss', 'shuffle']);
    assert.ok(labels('method:\n  type: lora\n  |').includes('lora_alpha'));
    assert.deepEqual(labels('method:\n  type: full\n  |'), []);
    const memory = [
      'quantization',
      'double_quant',
      'block_size',
      'embedding_dtype',
      'gradient_checkpointing',
      'offload',
    ];
    assert.deepEqual(labels('memory: {budget_mib: 9, |}'), memory);
  });

  it('proposes values, modules of the model and rule ids', () => {
    const types = labels('method:\n  type: |');
    assert.deepEqual(types.slice(0, 2), ['full', 'lora']);
    assert.ok(['prefix', 'p-tuning', 'p-tuning-v2'].every(type => types.includes(type)));
    assert.deepEqual(labels('training:\n  lr_scheduler_type: c|').length, 4);
    assert.deepEqual(labels('data:\n  shuffle: |'), ['true', 'false']);
    assert.ok(labels('method:\n  type: lora\n  target_modules: |').includes('all-linear'));
    assert.ok(labels('method:\n  type: lora\n  target_modules:\n    - |').includes('q_proj'));
    assert.ok(labels('method:\n  type: lora\n  rank_pattern:\n    |').includes('k_proj'));
    assert.deepEqual(labels('# peft-disable |').length, allRules.length);
  });

  const insertions: readonly (readonly [marked: string, label: string, result: string])[] = [
    ['mem|', 'memory', 'memory:\n  '],
    [`${head}  sh|`, 'shuffle', `${head}  shuffle: true`],
    ['training:\n  lear|: 3', 'learning_rate', 'training:\n  learning_rate: 5.0e-5: 3'],
    ['{"memory": {"q|"}}', 'quantization', '{"memory": {"quantization": "none"}}'],
    ['{"method": {"type": "|"}}', 'lora', '{"method": {"type": "lora"}}'],
    ['method: {type: fu|}', 'full', 'method: {type: full}'],
    ['model: built|in:tiny', 'builtin:tiny', 'model: builtin:tiny'],
  ];
  for (const [marked, label, result] of insertions) {
    it(`writes ${label} at ${JSON.stringify(marked)}`, () => assert.equal(taken(marked, label), result));
  }

  it('leaves paths to the file system', () => {
    const wants = (marked: string) => {
      const { text, offset } = at(marked);
      return completionsAt(text, offset).wantsPath?.kind;
    };
    assert.equal(wants('data:\n  train: |'), 'file');
    assert.equal(wants('model: mo|'), 'folder');
    assert.equal(wants('method:\n  type: lora\n  adapter: |'), 'folder');
    assert.equal(wants('name: |'), undefined);
  });
});

describe('hoverAt', () => {
  const text = `${head}method:\n  type: lora\n  r: 4\n  target_modules: [q_proj]\ntraining: {seed: 42}\n`;
  const hover = (word: string) => hoverAt(parseConfig(text), text.indexOf(word) + 1);

  it('explains keys and values with default, reason and examples', () => {
    const rank = hover('r: 4');
    assert.match(
      rank?.markdown ?? '',
      /\*\*`method.r`\*\* · a whole number of at least 1 · default `8` · changed here/,
    );
    assert.match(rank?.markdown ?? '', /\*Change it when\*/);
    assert.equal(text.slice(rank?.range.start, rank?.range.end), 'r');
    assert.match(
      hover('target_modules')?.markdown ?? '',
      /\*Not as in PEFT:\* PEFT picks the query and value projections/,
    );
    assert.match(hover('q_proj')?.markdown ?? '', /target_modules/);
    assert.doesNotMatch(hover('seed')?.markdown ?? 'changed here', /changed here/);
    assert.match(hover('lora')?.markdown ?? '', /low-rank updates beside them train/);
  });

  it('says nothing where there is nothing to say', () => {
    assert.equal(hoverAt(parseConfig(''), 0), undefined);
    assert.equal(hoverAt(parseConfig('nonsense: 1'), 2), undefined);
    assert.equal(hoverAt(parseConfig('a: [*b'), 4), undefined);
  });
});
