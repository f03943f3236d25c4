import type { Tensor } from '../graph/tensor';
import { siluGate } from '../ops/gatedMlp';
import { rmsNorm } from '../ops/rmsNorm';
import { rope } from '../ops/rope';
import { eachBlock, type BlockSite } from './blocks';
import { attend, type Attended } from './attend';
import { baseLinear, parameter, residual, type ModelContext } from './context';
import type { ModuleSpec } from './catalog';

/**
 * The blocks and the last norm of Llama, SmolLM2, Qwen2 and Mistral: x [S, d] → [S, d].
 * Pre-norm residual blocks: x += o(attention(rope(q), rope(k), v)); x += down(silu(gate) · up).
 */
export function llamaBlocks(context: ModelContext, embedded: Tensor): Tensor {
  return norm(context, 'model.norm', eachBlock(context, embedded, llamaBlock));
}

function llamaBlock(context: ModelContext, { block, modules }: BlockSite, x: Tensor): Tensor {
  const path = `model.layers.${block}`;
  const { graph } = context;
  const module = (leaf: string) => modules.find(m => m.leaf === leaf) as ModuleSpec;
  const linear = (leaf: string, input: Tensor) => baseLinear(context, module(leaf), input);
  const normed = norm(context, `${path}.input_layernorm`, x);
  const attended = selfAttention(context, `${path}.self_attn`, {
    block,
    q: linear('q_proj', normed),
    k: linear('k_proj', normed),
    v: linear('v_proj', normed),
  });
  const middle = residual(context, { path, block, kind: 'attention' }, x, linear('o_proj', attended));
  const inner = norm(context, `${path}.post_attention_layernorm`, middle);
  context.observe?.(block, inner);
  const gated = siluGate(graph, `${path}.mlp.act`, linear('gate_proj', inner), linear('up_proj', inner));
  return residual(context, { path, block, kind: 'mlp' }, middle, linear('down_proj', gated));
}

function selfAttention(context: ModelContext, path: string, { block, q, k, v }: Attended): Tensor {
  const { graph, config, inputs } = context;
  const { headDim, heads, kvHeads } = config;
  const rotate = (name: string, x: Tensor, count: number) =>
    rope(graph, `${path}.${name}`, x, inputs.positions, {
      heads: count,
      headDim,
      cos: graph.parameter('rope.cos', [context.longest, headDim / 2]),
      sin: graph.parameter('rope.sin', [context.longest, headDim / 2]),
    });
  const rotated = { q: rotate('rope_q', q, heads), k: rotate('rope_k', k, kvHeads) };
  return attend(context, `${path}.attention`, { block, ...rotated, v });
}

function norm(context: ModelContext, path: string, x: Tensor): Tensor {
  const weight = parameter(context, `${path}.weight`, [context.config.hiddenSize]);
  return rmsNorm(context.graph, path, x, weight, context.config.normEpsilon);
}
