import assert from 'node:assert/strict';
import { ProblemError } from '../../../src/common/errors';
import { selectTargets, type TargetOptions } from '../../../webview/engine/methods/targets';
import { moduleCatalog, type ModuleSpec } from '../../../webview/engine/model/catalog';
import { parseModelConfig } from '../../../webview/engine/model/config';
import fixture from '../../reference/targets.json';

const gpt2 = { model_type: 'gpt2', vocab_size: 32, n_positions: 8, n_embd: 16, n_layer: 3, n_head: 2 };
const llama = {
  model_type: 'llama',
  vocab_size: 32,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 3,
  num_attention_heads: 4,
  num_key_value_heads: 2,
};

interface Case {
  readonly family: string;
  readonly options: Partial<TargetOptions> & Pick<TargetOptions, 'target_modules'> & { readonly use_rslora?: boolean };
  readonly error?: string;
  readonly targets?: [path: string, rank: number, alpha: number, scaling: number][];
}

function modulesOf(family: string): ModuleSpec[] {
  return moduleCatalog(parseModelConfig(JSON.stringify(family === 'gpt2' ? gpt2 : llama), 'config.json'));
}

function select({ family, options }: Case) {
  return selectTargets(modulesOf(family), { r: 4, lora_alpha: 8, ...options });
}

describe('target selection agrees with PEFT', () => {
  for (const item of fixture.cases as unknown as Case[]) {
    const name = `${item.family} ${JSON.stringify(item.options)}`;
    const onlyOtherModules = item.error?.includes('is not supported') ?? false;
    it(name, () => {
      if (onlyOtherModules) {
        // PEFT stops at the dropout module that the pattern also matches; here only linear modules are candidates.
        const leaves = new Set(select(item).targets.map(target => target.module.leaf));
        assert.deepEqual([...leaves], ['c_attn', 'c_proj']);
      } else if (item.error === undefined) {
        const scale = (rank: number) => (item.options.use_rslora ? Math.sqrt(rank) : rank);
        const ours = select(item).targets.map(({ module, rank, alpha }) => [
          module.path,
          rank,
          alpha,
          alpha / scale(rank),
        ]);
        assert.deepEqual(ours, item.targets);
      } else {
        assert.throws(() => select(item), ProblemError);
      }
    });
  }
});
