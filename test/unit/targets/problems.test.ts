import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ProblemError, type Problem } from '../../../src/common/errors';
import { nearest } from '../../../webview/engine/methods/nearest';
import { selectTargets, type TargetOptions } from '../../../webview/engine/methods/targets';
import { moduleCatalog } from '../../../webview/engine/model/catalog';
import { parseModelConfig } from '../../../webview/engine/model/config';

const config = {
  model_type: 'qwen2',
  vocab_size: 64,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
};
const modules = moduleCatalog(parseModelConfig(JSON.stringify(config), 'config.json'));

function select(options: Partial<TargetOptions>) {
  return selectTargets(modules, { target_modules: 'all-linear', r: 8, lora_alpha: 8, ...options });
}

function problemOf(options: Partial<TargetOptions>): Problem {
  try {
    select(options);
  } catch (error) {
    if (error instanceof ProblemError) return error.problem;
    throw error;
  }
  throw new assert.AssertionError({ message: 'no problem was thrown' });
}

describe('target selection explains what is wrong', () => {
  it('names the nearest module and lists the others when nothing matches', () => {
    const found = problemOf({ target_modules: ['q_porj'] });
    assert.equal(found.code, 'target.none');
    assert.match(found.hint, /Did you mean q_proj\?/);
    assert.match(found.hint, /q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj/);
  });

  it('gives the block range for a block that does not exist', () => {
    const found = problemOf({ target_modules: ['q_proj'], layers_to_transform: [0, 2] });
    assert.equal(found.code, 'target.layers');
    assert.match(found.message, /block 2.*blocks 0 to 1/);
  });

  it('refuses block numbers beside a string', () => {
    assert.match(problemOf({ layers_to_transform: 0 }).message, /target_modules is a string/);
  });

  it('tells exclusion apart from a wrong name', () => {
    assert.equal(problemOf({ target_modules: ['q_proj'], exclude_modules: '.*' }).code, 'target.excluded');
  });

  it('names the key of a broken pattern', () => {
    assert.match(problemOf({ target_modules: '(q_proj' }).message, /^method\.target_modules/);
    assert.match(problemOf({ rank_pattern: { '[': 2 } }).message, /^method\.rank_pattern/);
    assert.match(problemOf({ exclude_modules: '(?i)q_proj' }).message, /^method\.exclude_modules/);
  });

  it('reports names and patterns that have no effect', () => {
    const { unmatched } = select({
      target_modules: ['q_proj', 'nope'],
      exclude_modules: ['gone'],
      rank_pattern: { k_proj: 2, q_proj: 3 },
      alpha_pattern: { other: 1 },
    });
    assert.deepEqual(unmatched, {
      target_modules: ['nope'],
      exclude_modules: ['gone'],
      rank_pattern: ['k_proj'],
      alpha_pattern: ['other'],
    });
  });

  it('throws nothing but problems, whatever the pattern', () => {
    const text = fc.string({ maxLength: 12, unit: fc.constantFrom(...'qv_proj.*+?()[]{}|\\^$dZA0,1:=!<P') });
    fc.assert(
      fc.property(text, text, (target, key) => {
        try {
          select({ target_modules: target, rank_pattern: { [key]: 1 } });
        } catch (error) {
          assert.ok(error instanceof ProblemError, String(error));
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('nearest name', () => {
  it('finds close names only', () => {
    assert.equal(nearest('qproj', ['q_proj', 'down_proj']), 'q_proj');
    assert.equal(nearest('attention', ['q_proj', 'down_proj']), undefined);
  });
});
