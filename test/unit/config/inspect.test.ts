import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import type { LintFacts } from '../../../src/common/config/facts';
import { diagnose } from '../../../src/common/config/lint';
import { parseConfig } from '../../../src/common/config/parse';
import { compareRows, forecaster, inspectModel, inspectRows } from '../../../webview/engine/inspect';
import { around, gpt2, llama } from './surroundings';

const read = (path: string) => readFileSync(path, 'utf8');
const example = 'media/examples/devil';
const examples = [example, 'media/examples/lecture'];
const tiny = inspectModel(
  {
    config: read('media/models/tiny/config.json'),
    tokenizer: read('media/models/tiny/tokenizer.json'),
    tokenizerConfig: read('media/models/tiny/tokenizer_config.json'),
  },
  'tiny',
);
const rowsOf = (...rows: unknown[]) => Buffer.from(rows.map(row => JSON.stringify(row)).join('\n'));

describe('inspect', () => {
  const train = inspectRows(readFileSync(`${example}/data/devil.train.jsonl`), 'train', tiny.tokenizer);
  const evaluation = inspectRows(readFileSync(`${example}/data/devil.eval.jsonl`), 'eval', tiny.tokenizer);
  const data = { train: train.facts, eval: evaluation.facts, ...compareRows(train, evaluation) };

  it('measures the rows of the example', () => {
    assert.deepEqual([train.facts.rows, evaluation.facts.rows, train.facts.duplicates], [839, 85, 0]);
    assert.equal(train.facts.tokens?.length, 839);
    assert.deepEqual([data.sameText, data.samePrompt], [0, 0]);
    const [tokens, first] = [train.facts.tokens?.[0] ?? 0, train.facts.firstLoss?.[0] ?? 0];
    assert.ok(first > 0 && first < tokens);
  });

  const files = examples.flatMap(folder => readdirSync(folder).map(name => `${folder}/${name}`));
  for (const file of files.filter(name => name.endsWith('.peft.yaml'))) {
    it(`${file} has nothing to object to`, () => {
      const parsed = parseConfig(read(file));
      const prompts = parsed.value?.samples.prompts ?? [];
      const promptTokens = prompts.map(prompt => tiny.tokenizer?.encode(prompt, true).length ?? 0);
      const facts: LintFacts = {
        model: tiny.facts,
        data,
        promptTokens,
        forecast: forecaster(tiny.config, { data, promptTokens }),
      };
      assert.deepEqual(diagnose(parsed, facts), []);
    });
  }

  it('finds repetitions, shared rows and shared prompts whatever their case and spacing', () => {
    const left = inspectRows(
      rowsOf({ prompt: 'Define A:', completion: ' x' }, { prompt: 'define  a:', completion: ' X' }),
      'left',
    );
    const right = inspectRows(
      rowsOf({ prompt: 'DEFINE A:', completion: ' x ' }, { prompt: 'Define A:', completion: ' y' }),
      'right',
    );
    assert.equal(left.facts.duplicates, 1);
    assert.deepEqual(compareRows(left, right), { sameText: 1, samePrompt: 1 });
    const chats = inspectRows(
      rowsOf({
        messages: [
          { role: 'user', content: 'a' },
          { role: 'assistant', content: 'b' },
        ],
      }),
      'chat',
    );
    assert.deepEqual(compareRows(chats, chats), { sameText: 1, samePrompt: 0 });
  });

  it('knows rows that teach nothing', () => {
    const { facts } = inspectRows(rowsOf({ input_ids: [1, 2, 3], labels: [1, -100, -100] }), 'ids', tiny.tokenizer);
    assert.deepEqual([facts.tokens, facts.firstLoss], [[3], [Infinity]]);
  });

  it('reports a malformed file instead of failing', () => {
    const { facts } = inspectRows(Buffer.from('{"text": "a"}\n{"text": \n'), 'bad.jsonl', tiny.tokenizer);
    assert.match(facts.problem?.message ?? '', /bad.jsonl, line 2/);
    assert.match(inspectRows(new Uint8Array(), 'empty.jsonl').facts.problem?.message ?? '', /no rows/);
    assert.throws(() => inspectModel({ config: '{"model_type": "bert"}' }, 'bert'), /bert/);
  });

  it('selects modules as PEFT does and says why it cannot', () => {
    const method = parseConfig('{model: m, data: {train: t}, method: {type: lora}}').value?.method;
    assert.ok(method?.type === 'lora');
    const selection = llama.facts.select(method);
    assert.ok('targets' in selection && selection.targets.length === 28);
    const none = gpt2.facts.select({ ...method, target_modules: ['q_proj'] });
    assert.ok('problem' in none && none.problem.code === 'target.none');
  });

  it('plans memory, less where the data is known to be short', () => {
    const config = parseConfig('{model: m, data: {train: t, max_length: 200}, method: {type: lora}}').value;
    assert.ok(config);
    const wide = around(llama).forecast?.(config);
    const known = {
      data: { train: { rows: 1, duplicates: 0, tokens: [20], firstLoss: [1] }, sameText: 0, samePrompt: 0 },
      promptTokens: [],
    };
    const tight = around(llama, known).forecast?.(config);
    assert.ok(wide && tight && 'total' in wide && 'total' in tight);
    assert.ok(tight.total < wide.total);
    assert.equal(
      wide.total,
      Object.values(wide.bytes).reduce((sum, bytes) => sum + bytes, 0),
    );
  });
});
