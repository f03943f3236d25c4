import assert from 'node:assert/strict';
import { baseAs } from '../../../src/common/comparison/variants';
import type { LintFacts } from '../../../src/common/config/facts';
import { parseConfig } from '../../../src/common/config/parse';
import type { RunConfig } from '../../../src/common/config/schema';
import { changedText } from '../../../src/common/estimate/changedText';
import { keptChanges, type Changes } from '../../../src/common/estimate/changes';
import { controlsOf, type Control } from '../../../src/common/estimate/controls';
import type { EstimateNumbers, EstimateSnapshot } from '../../../src/common/estimate/protocol';
import { estimateSnapshot } from '../../../src/common/estimate/snapshot';
import { around, config, full, llama } from '../config/surroundings';

const facts = around(llama);
const batches = { 'training.per_device_train_batch_size': 4, 'training.gradient_accumulation_steps': 3 };
const text = config({ ...batches, 'memory.budget_mib': 64 });
const configOf = (source: string): RunConfig => {
  const { value, problems } = parseConfig(source);
  assert.ok(value, JSON.stringify(problems));
  return value;
};
const changed = (changes: Changes, source = text) => changedText(baseAs(source, configOf(source), facts), changes);
const asked = (
  changes: Changes,
  source = text,
  known: LintFacts = facts,
  scenarios: Changes[] = [],
): EstimateSnapshot =>
  estimateSnapshot({ address: 'file:///a', fileName: 'a', parsed: parseConfig(source) }, known, { changes, scenarios });
const numbers = (...question: Parameters<typeof asked>): EstimateNumbers => {
  const snapshot = asked(...question);
  assert.ok(snapshot.blocked === undefined, JSON.stringify(snapshot));
  return snapshot;
};

describe('what can be changed on the estimate page', () => {
  const controls = controlsOf(configOf(text));
  const control = (key: string, of: readonly Control[] = controls) => {
    const found = of.find(one => one.key === key);
    assert.ok(found, `${key} is not offered`);
    return found;
  };

  it('offers every key of the memory section that a config has', () => {
    const leaves = (section: object, path: string): string[] =>
      Object.entries(section).flatMap(([name, value]: [string, unknown]) =>
        typeof value === 'object' && value !== null ? leaves(value, `${path}.${name}`) : [`${path}.${name}`],
      );
    for (const key of leaves(configOf(text).memory, 'memory')) control(key);
  });

  it('takes legal values and words from the schema', () => {
    assert.deepEqual(control('memory.gradient_checkpointing').choices, ['none', 'selective', 'block']);
    assert.match(control('memory.quantization').description, /QLoRA/);
    assert.deepEqual(control('memory.double_quant').choices, [null, true, false]);
    assert.equal(control('memory.double_quant').value, null);
    assert.equal(control('data.max_length').choices, undefined);
    assert.equal(control('memory.budget_mib').value, 64);
  });

  it('offers the micro-batches that make up the same step', () => {
    assert.deepEqual(control('training.per_device_train_batch_size').choices, [1, 2, 3, 4, 6, 12]);
  });

  it('offers the size of the method that the toggles are at', () => {
    assert.ok(!controls.some(({ key }) => key === 'method.num_virtual_tokens'));
    const { controls: others } = numbers({ 'method.type': 'prefix' });
    assert.equal(control('method.num_virtual_tokens', others).value, 20);
    assert.ok(!others.some(({ key }) => key === 'method.r'));
  });

  it('forgets changes of another method and those that the config has by now', () => {
    const changes = { 'method.num_virtual_tokens': 5, 'method.r': 8, 'memory.quantization': 'nf4' };
    assert.deepEqual(keptChanges(changes, controls), { 'memory.quantization': 'nf4' });
  });
});

describe('the config with changes', () => {
  it('keeps the rows of a step, the comments and the rest', () => {
    const result = changed({ 'training.per_device_train_batch_size': 2 });
    const expected = text
      .replace('per_device_train_batch_size: 4', 'per_device_train_batch_size: 2')
      .replace('gradient_accumulation_steps: 3', 'gradient_accumulation_steps: 6');
    assert.equal(result, expected);
    assert.match(result, /# keep per_device_train_batch_size/);
  });

  it('adds what is not written and takes out what is left out', () => {
    const { memory } = configOf(changed({ 'memory.offload.parameters': 'cpu', 'memory.budget_mib': null }));
    assert.equal(memory.offload.parameters, 'cpu');
    assert.equal(memory.budget_mib, undefined);
  });

  it('starts another method as a comparison does, then sizes it', () => {
    const { method } = configOf(changed({ 'method.type': 'prefix', 'method.num_virtual_tokens': 7 }));
    assert.ok(method.type === 'prefix' && method.num_virtual_tokens === 7);
  });
});

describe('the numbers of the estimate page', () => {
  it('are the forecast of exactly what Apply writes', () => {
    const changes = { 'memory.quantization': 'nf4', 'memory.gradient_checkpointing': 'block' };
    const { asIs, changed: after } = numbers(changes);
    const plan = facts.forecast?.(configOf(changed(changes)));
    assert.ok(plan && 'total' in plan);
    assert.equal(after.estimate?.total, plan.total);
    assert.deepEqual(after.estimate?.bytes, plan.bytes);
    assert.ok((asIs.estimate?.total ?? 0) > plan.total);
    assert.equal(after.budget, 64 * 2 ** 20);
    assert.deepEqual(after.changes, ['quantization nf4', 'gradient_checkpointing block']);
  });

  it('hold a scenario for each question, each from the config as it is', () => {
    const { scenarios, asIs } = numbers({}, text, facts, [{ 'data.max_length': 32 }, {}]);
    assert.ok((scenarios[0].estimate?.total ?? 0) < (asIs.estimate?.total ?? 0));
    assert.deepEqual(scenarios[1], asIs);
  });

  it('tell what would not run, and where', () => {
    const { changed: after } = numbers({ 'memory.quantization': 'nf4' }, config(full));
    assert.equal(after.troubles.length, 1);
    assert.match(after.troubles[0].code, /^Q\d\d$/);
    assert.ok((after.troubles[0].line ?? 0) > 1);
    assert.deepEqual(numbers({}, config(full)).changed.troubles, []);
  });

  it('are absent where the GPU cannot hold a tensor', () => {
    const limits = { maxBufferSize: 2 ** 16, maxStorageBufferBindingSize: 2 ** 16 };
    const { asIs } = numbers({}, text, around(llama, { limits }));
    assert.equal(asIs.estimate, undefined);
    assert.match(asIs.troubles[0].code, /^memory\./);
  });

  it('wait for a config without errors', () => {
    const snapshot = asked({}, text.replace('lora_alpha', 'lora_alhpa'));
    assert.ok(snapshot.blocked === 'config');
    const [{ message, line }] = snapshot.troubles;
    assert.match(message, /lora_alhpa/);
    assert.match(text.split('\n')[(line ?? 0) - 1], /lora_alpha/);
  });

  it('wait for a model', () => {
    const problem = { code: 'path.missing', message: 'The folder x does not exist.', hint: '' };
    const snapshot = asked({}, text, { files: [{ key: 'model', state: 'missing', problem }] });
    assert.ok(snapshot.blocked === 'model');
    assert.equal(snapshot.troubles[0].message, problem.message);
  });
});
