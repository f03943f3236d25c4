import type { Tensor } from '../graph/tensor';
import { gelu, relu, silu } from '../ops/activation';
import { layerNorm } from '../ops/layerNorm';
import { split } from '../ops/split';
import { eachBlock, type BlockSite } from './blocks';
import { attend } from './attend';
import { baseLinear, parameter, residual, type ModelContext } from './context';
import type { ModuleSpec } from './catalog';

/**
 * The blocks and the last norm of GPT-2: x [S, d] → [S, d].
 * Pre-norm residual blocks with one fused q, k, v projection and a GELU MLP; linears are Conv1D, stored [in, out].
 */
export function gpt2Blocks(context: ModelContext, embedded: Tensor): Tensor {
  return norm(context, 'transformer.ln_f', eachBlock(context, embedded, gpt2Block));
}

function gpt2Block(context: ModelContext, { block, modules }: BlockSite, x: Tensor): Tensor {
  const path = `transformer.h.${block}`;
  const { graph } = context;
  const { hiddenSize: d } = context.config;
  const linear = (name: string, input: Tensor) =>
    baseLinear(context, modules.find(m => m.path === `${path}.${name}`) as ModuleSpec, input);
  const fused = linear('attn.c_attn', norm(context, `${path}.ln_1`, x));
  const [q, k, v] = split(graph, `${path}.attn.split`, fused, [d, d, d]);
  const attended = attend(context, `${path}.attn.attention`, { block, q, k, v });
  const middle = residual(context, { path, block, kind: 'attention' }, x, linear('attn.c_proj', attended));
  const normed = norm(context, `${path}.ln_2`, middle);
  context.observe?.(block, normed);
  const inner = linear('mlp.c_fc', normed);
  const outer = linear('mlp.c_proj', activate(context, `${path}.mlp.act`, inner));
  return residual(context, { path, block, kind: 'mlp' }, middle, outer);
}

function activate(context: ModelContext, name: string, x: Tensor): Tensor {
  switch (context.config.activation) {
    case 'gelu_new':
      return gelu(context.graph, name, x, 'tanh');
    case 'gelu':
      return gelu(context.graph, name, x, 'erf');
    case 'silu':
      return silu(context.graph, name, x);
    case 'relu':
      return relu(context.graph, name, x);
  }
}

function norm(context: ModelContext, path: string, x: Tensor): Tensor {
  const size = [context.config.hiddenSize];
  const weight = parameter(context, `${path}.weight`, size);
  const bias = parameter(context, `${path}.bias`, size);
  return layerNorm(context.graph, path, x, weight, bias, context.config.normEpsilon);
}
