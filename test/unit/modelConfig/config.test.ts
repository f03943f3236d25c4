import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ProblemError, type Problem } from '../../../src/common/errors';
import { parseModelConfig } from '../../../webview/engine/model/config';

const gpt2 = { model_type: 'gpt2', vocab_size: 50257, n_embd: 768, n_head: 12, n_layer: 12 };
const llama = {
  model_type: 'llama',
  vocab_size: 49152,
  hidden_size: 576,
  intermediate_size: 1536,
  num_hidden_layers: 30,
  num_attention_heads: 9,
  num_key_value_heads: 3,
};

const parse = (config: object) => parseModelConfig(JSON.stringify(config), 'config.json');

function problemOf(config: object | string): Problem {
  try {
    parseModelConfig(typeof config === 'string' ? config : JSON.stringify(config), 'config.json');
  } catch (error) {
    if (error instanceof ProblemError) return error.problem;
    throw error;
  }
  throw new assert.AssertionError({ message: 'no problem was thrown' });
}

describe('config.json', () => {
  it('of GPT-2 fills in what transformers does', () => {
    const config = parse(gpt2);
    assert.equal(config.family, 'gpt2');
    assert.equal(config.headDim, 64);
    assert.equal(config.intermediateSize, 3072);
    assert.equal(config.maxPositions, 1024);
    assert.equal(config.tiedEmbeddings, true);
    assert.equal(config.activation, 'gelu_new');
    assert.equal(config.normEpsilon, 1e-5);
    assert.deepEqual(config.eosTokenIds, [50256]);
    assert.equal(config.bosTokenId, 50256);
    assert.equal(config.padTokenId, undefined);
  });

  it('of SmolLM2 and its relatives is read', () => {
    const config = parse({
      ...llama,
      rope_theta: 100000,
      tie_word_embeddings: true,
      eos_token_id: [0, 2],
      rms_norm_eps: 1e-5,
    });
    assert.deepEqual(
      { ...config },
      {
        family: 'llama',
        modelType: 'llama',
        hiddenSize: 576,
        layers: 30,
        heads: 9,
        kvHeads: 3,
        headDim: 64,
        intermediateSize: 1536,
        vocabSize: 49152,
        maxPositions: 2048,
        tiedEmbeddings: true,
        normEpsilon: 1e-5,
        activation: 'silu',
        ropeTheta: 100000,
        qkvBias: false,
        outputBias: false,
        mlpBias: false,
        bosTokenId: 1,
        eosTokenIds: [0, 2],
        padTokenId: undefined,
      },
    );
    assert.equal(parse({ ...llama, num_key_value_heads: null }).kvHeads, 9);
  });

  it('has biases by family', () => {
    const biases = (config: object) => {
      const { qkvBias, outputBias, mlpBias } = parse(config);
      return [qkvBias, outputBias, mlpBias];
    };
    assert.deepEqual(biases(gpt2), [true, true, true]);
    assert.deepEqual(biases({ ...llama, model_type: 'qwen2' }), [true, false, false]);
    assert.deepEqual(biases({ ...llama, attention_bias: true, mlp_bias: true }), [true, true, true]);
    assert.deepEqual(biases({ ...llama, model_type: 'mistral', sliding_window: null }), [false, false, false]);
  });

  it('names the rotary base in either form', () => {
    assert.equal(parse({ ...llama, rope_parameters: { rope_theta: 5000, rope_type: 'default' } }).ropeTheta, 5000);
    assert.equal(parse({ ...llama, rope_scaling: null, rope_theta: 1e6 }).ropeTheta, 1e6);
    assert.equal(parse({ ...llama, rope_scaling: { type: 'default' } }).ropeTheta, 10000);
  });

  it('ignores token ids outside the vocabulary', () => {
    const config = parse({ ...gpt2, vocab_size: 100, pad_token_id: -1, eos_token_id: [5, 200] });
    assert.deepEqual([config.bosTokenId, config.padTokenId, config.eosTokenIds], [undefined, undefined, [5]]);
  });

  it('accepts a sliding window only where it hides nothing', () => {
    const mistral = { ...llama, model_type: 'mistral', max_position_embeddings: 4096 };
    for (const window of [null, 4096, undefined]) parse({ ...mistral, sliding_window: window });
    assert.match(problemOf({ ...mistral, sliding_window: 1024 }).message, /sliding_window must be null/);
    assert.match(problemOf({ ...mistral, max_position_embeddings: 32768 }).message, /not the number 4096/);
    assert.match(problemOf({ ...llama, model_type: 'qwen2', use_sliding_window: true }).message, /use_sliding_window/);
    assert.match(problemOf({ ...llama, layer_types: ['sliding_attention'] }).message, /layer_types/);
  });

  it('is refused with place and reason', () => {
    const cases: [object | string, RegExp][] = [
      ['{"model_type": "gpt2",}', /^config\.json, line 1, column 23: a key in double quotes is missing/],
      ['', /line 1, column 1: the text ends/],
      ['[]', /must hold a JSON object, not a list/],
      [{}, /model_type must be one of gpt2, llama, mistral, qwen2, not null/],
      [{ model_type: 'bert' }, /model_type "bert" is not supported/],
      [{ model_type: 'constructor' }, /model_type "constructor" is not supported/],
      [{ ...llama, hidden_size: undefined }, /hidden_size must be a whole number from 4 to 65536, not null/],
      [{ ...llama, hidden_size: '576' }, /hidden_size must be .*not the string "576"/],
      [{ ...llama, vocab_size: 1e9 }, /vocab_size must be/],
      [{ ...llama, num_hidden_layers: 0 }, /num_hidden_layers must be/],
      [{ ...llama, num_attention_heads: 7 }, /hidden size 576 is not a multiple of 7 attention heads/],
      [{ ...llama, num_key_value_heads: 4 }, /9 attention heads are not a multiple of 4 key\/value heads/],
      [{ ...llama, head_dim: 6 }, /head size 6 is not a multiple of 4/],
      [{ ...llama, hidden_act: 'gelu' }, /hidden_act must be "silu", not the string "gelu"/],
      [{ ...llama, rope_scaling: { rope_type: 'llama3', factor: 8 } }, /rope_scaling\.rope_type must be "default"/],
      [{ ...llama, rope_scaling: { type: 'linear', factor: 2 } }, /rope_scaling\.type must be "default"/],
      [{ ...llama, rope_parameters: { rope_type: 'yarn' } }, /rope_parameters\.rope_type must be "default"/],
      [{ ...llama, partial_rotary_factor: 0.5 }, /partial_rotary_factor must be 1/],
      [{ ...llama, rms_norm_eps: 0 }, /rms_norm_eps must be a number above 0/],
      [{ ...llama, quantization_config: { quant_method: 'gptq' } }, /stored quantized .*"gptq"/],
      [{ ...gpt2, activation_function: 'tanh' }, /activation_function must be one of gelu_new/],
      [{ ...gpt2, scale_attn_by_inverse_layer_idx: true }, /scale_attn_by_inverse_layer_idx must be false/],
      [{ ...gpt2, add_cross_attention: true }, /add_cross_attention must be false/],
      [{ ...gpt2, n_embd: 770, n_head: 12 }, /770 is not a multiple of 12/],
      [{ ...gpt2, eos_token_id: 'x' }, /eos_token_id must be a token id/],
    ];
    for (const [config, expected] of cases) assert.match(problemOf(config).message, expected);
  });

  it('gives a config or a problem, whatever the values', () => {
    const value = fc.oneof(fc.integer(), fc.double(), fc.string(), fc.constant(null), fc.boolean(), fc.object());
    const key = fc.constantFrom(
      ...Object.keys({ ...llama, rope_scaling: 0, head_dim: 0, eos_token_id: 0, layer_types: 0 }),
    );
    fc.assert(
      fc.property(fc.dictionary(key, value), changes => {
        try {
          const { hiddenSize, heads } = parse({ ...llama, ...changes });
          assert.equal(hiddenSize % heads, 0);
        } catch (error) {
          assert.ok(error instanceof ProblemError, String(error));
        }
      }),
      { numRuns: 1000 },
    );
  });
});
