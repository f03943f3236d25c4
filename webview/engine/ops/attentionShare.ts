import type { Emitter } from '../graph/node';
import type { Shape, Tensor } from '../graph/tensor';
import { f32, grid1d, type Kernel } from '../runtime/kernel';
import type { AttentionShape } from './attentionShape';
import { innerProduct } from './attentionShape';
import { groupSize, kernelOf, vectorFor, type Vector } from './kernelSource';

/**
 * Asks an attention for the mean share of its mass on virtual tokens. Measured in training only, when the first number
 * of the method's schedule (`step.method[0].x`) is not 0.
 */
export interface ShareWatch {
  /** See {@link shareState}; this block's numbers begin at element `at`. */
  readonly into: Tensor;
  readonly at: number;
  /** u32 [S]; tokens at positions from `virtual` on are measured. */
  readonly positions: Tensor;
  readonly virtual: number;
  /** `input`: the virtual tokens are the first ones of each example; `prefix`: they are keys and values only. */
  readonly place: 'input' | 'prefix';
}

/** Per block, of the last micro-batch: sums of the shares over its tokens per head, then the number of tokens. */
export function shareState(
  state: (name: string, shape: Shape) => Tensor,
  { layers, heads }: { readonly layers: number; readonly heads: number },
): Tensor {
  return state('attention_share', [layers, heads + 1]);
}

/** An attention after its forward pass. */
export interface ShareSite extends AttentionShape {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly logSum: Tensor;
  readonly segmentStart: Tensor;
  readonly rows: number;
  readonly scale: number;
}

const rowsPerSum = 64;

/** share[row, head] = Σ exp(score − L) over the first `virtual` tokens of the row's example. */
export function emitPromptShare(emit: Emitter, site: ShareSite, watch: ShareWatch, share: Tensor): void {
  const { q, k, logSum, segmentStart, rows, heads, kvHeads, headDim, scale } = site;
  const vector = vectorFor(headDim);
  const bindings = [q, k, logSum, segmentStart, watch.positions, share];
  const params = [rows, heads, kvHeads, headDim / vector.step, f32(scale), watch.virtual];
  emit.dispatch(promptShareKernel(vector), bindings, params, grid1d(rows * heads, groupSize));
}

/** Adds `share` [S, heads] up over the measured tokens, in a fixed order. */
export function emitShareSum(emit: Emitter, share: Tensor, { into, at, positions, virtual }: ShareWatch): void {
  const [rows, heads] = share.shape;
  const chunks = Math.ceil(rows / rowsPerSum);
  const partial = emit.temp('share_partial', [chunks, heads + 1]);
  const count = chunks * (heads + 1);
  emit.dispatch(
    shareSumKernel(),
    [share, positions, partial],
    [rows, heads, chunks, virtual],
    grid1d(count, groupSize),
  );
  emit.dispatch(shareFinishKernel(), [partial, into], [heads + 1, chunks, at], grid1d(heads + 1, groupSize));
}

function promptShareKernel(vector: Vector): Kernel {
  return kernelOf(`prompt_share${vector.suffix}`, () => ({
    storage: {
      q: 'array<V>',
      k: 'array<V>',
      log_sum: 'array<f32>',
      segment_start: 'array<u32>',
      positions: 'array<u32>',
      share: 'array<f32>',
    },
    params: { rows: 'u32', heads: 'u32', kv_heads: 'u32', size: 'u32', scale: 'f32', prompt: 'u32' },
    declarations: vector.declarations + innerProduct(vector),
    step: true,
    main: `  let row = i / p.heads;
  let head = i % p.heads;
  if (row >= p.rows || step.method[0].x == 0.0 || positions[row] < p.prompt) { return; }
  let kv_head = head / (p.heads / p.kv_heads);
  var sum = 0.0;
  for (var j = 0u; j < p.prompt; j++) {
    let key = ((segment_start[row] + j) * p.kv_heads + kv_head) * p.size;
    var score = 0.0;
    for (var d = 0u; d < p.size; d++) { score += inner(q[i * p.size + d], k[key + d]); }
    sum += exp(score * p.scale - log_sum[i]);
  }
  share[i] = sum;`,
  }));
}

function shareSumKernel(): Kernel {
  return kernelOf('share_sum', () => ({
    storage: { share: 'array<f32>', positions: 'array<u32>', partial: 'array<f32>' },
    params: { rows: 'u32', heads: 'u32', chunks: 'u32', prompt: 'u32' },
    step: true,
    main: `  let head = i % (p.heads + 1u);
  let chunk = i / (p.heads + 1u);
  if (chunk >= p.chunks || step.method[0].x == 0.0) { return; }
  let end = min(p.rows, (chunk + 1u) * ${rowsPerSum}u);
  var sum = 0.0;
  for (var row = chunk * ${rowsPerSum}u; row < end; row++) {
    if (positions[row] >= p.prompt) {
      if (head == p.heads) { sum += 1.0; } else { sum += share[row * p.heads + head]; }
    }
  }
  partial[i] = sum;`,
  }));
}

function shareFinishKernel(): Kernel {
  return kernelOf('share_finish', () => ({
    storage: { partial: 'array<f32>', into: 'array<f32>' },
    params: { columns: 'u32', chunks: 'u32', at: 'u32' },
    step: true,
    main: `  if (i >= p.columns || step.method[0].x == 0.0) { return; }
  var sum = 0.0;
  for (var chunk = 0u; chunk < p.chunks; chunk++) { sum += partial[chunk * p.columns + i]; }
  into[p.at + i] = sum;`,
  }));
}
