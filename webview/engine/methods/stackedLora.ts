import { problem } from '../../../src/common/errors';
import type { LoraAdapter } from '../formats/peftAdapter';
import { elements } from '../graph/tensor';
import { linear } from '../ops/linear';
import { loraLinear } from '../ops/loraLinear';
import type { Method } from './method';

/** An adapter with the factor on its update. */
export interface WeightedAdapter {
  readonly adapter: LoraAdapter;
  readonly weight: number;
}

/** What one adapter adds to one module: scale·B·A. */
interface Part {
  readonly rank: number;
  readonly scale: number;
  readonly a: Float32Array;
  readonly b: Float32Array;
}

/**
 * Trained LoRA adapters at work, several at once: ΔW = Σ_i weight_i·s_i·B_i A_i, as one adapter whose ranks are
 * theirs laid end to end (PEFT's `add_weighted_adapter` with `cat`). One adapter alone computes what its own run did,
 * bit for bit. Base tensors that one brings along count where it is alone; else `generate.combine`. Nothing trains.
 */
export function stackedLora(adapters: readonly WeightedAdapter[]): Method {
  const parts = partsOf(adapters);
  const values = new Map<string, Float32Array<ArrayBuffer>>();
  for (const [path, own] of parts) {
    values.set(`${path}.lora_A.weight`, rowsOf(own));
    values.set(`${path}.lora_B.weight`, columnsOf(own));
  }
  const base = baseOf(adapters);
  return {
    type: 'stacked-lora',
    trainsBase: name => base.has(name),
    startValue: base.size > 0 ? name => base.get(name) : undefined,
    linear: (graph, module, x, base) => {
      const own = parts.get(module.path);
      if (!own) return linear(graph, module.path, x, base);
      const rank = rankOf(own);
      const options = { category: 'adapter' } as const;
      const a = graph.parameter(`${module.path}.lora_A.weight`, [rank, module.in], options);
      const b = graph.parameter(`${module.path}.lora_B.weight`, [module.out, rank], options);
      return loraLinear(graph, module.path, x, base, { a, b, scale: commonScale(own), dropout: 0, dropoutKey: 0 });
    },
    initialValue: ({ tensor }) => {
      const found = values.get(tensor.name);
      if (found?.length === elements(tensor.shape)) return found;
      throw problem('method.stacked', `${tensor.name} is in no adapter.`, 'This is a defect in the engine.');
    },
    exportFiles: () => ({}),
  };
}

/** Base tensors that an adapter was trained with. They take the place of the model's, so they cannot be added up. */
function baseOf(adapters: readonly WeightedAdapter[]): LoraAdapter['base'] {
  const [first] = adapters.filter(({ adapter }) => adapter.base.size > 0);
  if (first === undefined) return new Map();
  if (adapters.length === 1 && first.weight === 1) return first.adapter.base;
  throw problem(
    'generate.combine',
    'An adapter with whole trained modules or biases cannot be added to another one or weighted.',
    'Select it alone with weight 1.',
  );
}

function partsOf(adapters: readonly WeightedAdapter[]): Map<string, Part[]> {
  const parts = new Map<string, Part[]>();
  for (const { adapter, weight } of adapters)
    for (const { module, rank, alpha } of adapter.targets) {
      const scale = (weight * alpha) / (adapter.config.use_rslora ? Math.sqrt(rank) : rank);
      const [a, b] = ['A', 'B'].map(
        factor => adapter.tensors.get(`${module.path}.lora_${factor}.weight`) as Float32Array,
      );
      parts.set(module.path, [...(parts.get(module.path) ?? []), { rank, scale, a, b }]);
    }
  return parts;
}

function rankOf(parts: readonly Part[]): number {
  return parts.reduce((sum, { rank }) => sum + rank, 0);
}

/** A single adapter keeps its scale apart from B, as in its run; of several, each scale is in its columns of B. */
function commonScale(parts: readonly Part[]): number {
  return parts.length === 1 ? parts[0].scale : 1;
}

/** A [Σ ranks, in]: the rows of all adapters. */
function rowsOf(parts: readonly Part[]): Float32Array<ArrayBuffer> {
  const rows = new Float32Array(parts.reduce((sum, { a }) => sum + a.length, 0));
  let at = 0;
  for (const { a } of parts) {
    rows.set(a, at);
    at += a.length;
  }
  return rows;
}

/** B [out, Σ ranks]: the columns of all adapters, scaled where there are several. */
function columnsOf(parts: readonly Part[]): Float32Array<ArrayBuffer> {
  const width = rankOf(parts);
  const out = parts[0].b.length / parts[0].rank;
  const columns = new Float32Array(out * width);
  let start = 0;
  for (const { b, rank, scale } of parts) {
    const factor = parts.length === 1 ? 1 : scale;
    for (let row = 0; row < out; row++)
      for (let r = 0; r < rank; r++) columns[row * width + start + r] = b[row * rank + r] * factor;
    start += rank;
  }
  return columns;
}
