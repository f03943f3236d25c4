import assert from 'node:assert/strict';
import { parseConfig } from '../../../src/common/config/parse';
import { mergeNotes } from '../../../src/common/config/quantizedUse';
import { applyFix } from '../../../src/common/config/fix';
import { runConfigSchema, type RunConfig } from '../../../src/common/config/schema';
import { config, found } from './surroundings';

function memory(section: object): RunConfig['memory'] {
  const rest = { model: 'm', data: { train: 'a' }, method: { type: 'lora' } };
  return runConfigSchema.parse({ ...rest, memory: section }).memory;
}

describe('a quantized base', () => {
  it('has something to say about each base of a merge', () => {
    const ids = (section: object, base: 'file' | 'dequantized' | 'quantized') =>
      mergeNotes(memory(section), base).map(({ rule }) => rule.id);
    assert.deepEqual(ids({ quantization: 'nf4' }, 'quantized'), ['Q07']);
    assert.deepEqual(ids({ quantization: 'nf4' }, 'file'), ['Q08']);
    assert.deepEqual(ids({ quantization: 'nf4' }, 'dequantized'), []);
    assert.deepEqual(ids({ quantization: 'f16' }, 'file'), []);
    assert.deepEqual(ids({}, 'quantized'), []);
  });

  it('is asked for in the words of other tools too', () => {
    const text = config({ 'memory.load_in_4bit': true });
    const [problem] = found(text);
    assert.match(problem.message, /is written `memory.quantization: nf4` here/);
    const after = applyFix(text, problem.fixes[0]);
    assert.equal(parseConfig(after).value?.memory.quantization, 'nf4');
    const renamed = found(config({ 'memory.quantization': 'nf4', 'memory.bnb_4bit_use_double_quant': false }))[0];
    assert.match(renamed.message, /Did you mean `double_quant`/);
  });

  it('has scales that are quantized too unless it is int8', () => {
    assert.equal(memory({ quantization: 'nf4' }).double_quant, undefined);
    assert.equal(memory({}).block_size, 64);
    assert.throws(() => memory({ quantization: 'nf4', block_size: 100 }));
  });
});
