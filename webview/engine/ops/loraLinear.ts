import { problem } from '../../../src/common/errors';
import type { GraphBuilder } from '../graph/builder';
import type { BackwardEmitter, Emitter, GradientTarget } from '../graph/node';
import type { Tensor } from '../graph/tensor';
import { emitDropout } from './dropout';
import { emitLinear, emitLinearBackward, linearSizes, type LinearWeights } from './linear';
import { emitMatmul, splitOverTokens } from './matmul';

/** A low-rank adapter: a [r, in], b [out, r]; `dropout` in [0, 1) acts on the adapter's input alone. */
export interface LoraFactors {
  readonly a: Tensor;
  readonly b: Tensor;
  readonly scale: number;
  readonly dropout: number;
  /** Tells this mask from the others of the model (unsigned 32-bit). */
  readonly dropoutKey: number;
}

/**
 * y = x Wᵀ + bias + s·(x̃ Aᵀ) Bᵀ with x̃ = dropout(x) (LoRA, arXiv 2106.09685, with PEFT's conventions). BA is never
 * formed. Backward, with G = dL/dy and v = s·G·B: dB = s·Gᵀu, dA = vᵀx̃, dx = G·W + (v·A through the mask).
 * Saves x and u = x̃Aᵀ [S, r]; the mask is drawn again.
 */
export function loraLinear(g: GraphBuilder, name: string, x: Tensor, base: LinearWeights, lora: LoraFactors): Tensor {
  const { S, inner, outer } = linearSizes(name, x, base);
  const { a, b } = lora;
  const r = a.shape[0];
  if (a.shape[1] !== inner || b.shape[0] !== outer || b.shape[1] !== r)
    throw problem(
      'graph.lora',
      `${name}: factors [${a.shape.join(', ')}] and [${b.shape.join(', ')}] do not fit a ${outer} x ${inner} weight.`,
      'The adapter was made for another model.',
    );
  const y = g.value(name, [S, outer]);
  const u = g.value(`${name}.lora_u`, [S, r]);
  const op: LoraOp = { x, base, lora, y, u };
  g.add({
    name,
    kind: 'loraLinear',
    inputs: [x, base.weight, ...(base.bias ? [base.bias] : []), a, b],
    outputs: [y, u],
    saves: needs => [...(needs(a) || needs(base.weight) ? [x] : []), ...(needs(b) ? [u] : [])],
    forward: emit => forward(emit, op),
    backward: emit => backward(emit, op),
  });
  return y;
}

interface LoraOp {
  readonly x: Tensor;
  readonly base: LinearWeights;
  readonly lora: LoraFactors;
  readonly y: Tensor;
  readonly u: Tensor;
}

/** x̃ = dropout(x), in scratch; x itself without dropout and outside training. */
function dropped(emit: Emitter, { x, lora }: LoraOp): Tensor {
  if (lora.dropout === 0 || !emit.training) return x;
  const masked = emit.temp('dropped', x.shape);
  mask(emit, lora, x, { tensor: masked, accumulate: false });
  return masked;
}

function mask(emit: Emitter, { dropout, dropoutKey }: LoraFactors, from: Tensor, to: GradientTarget): void {
  emitDropout(emit, from, to, { rate: dropout, key: dropoutKey });
}

function forward(emit: Emitter, op: LoraOp): void {
  const { x, base, lora, y, u } = op;
  const [S, r] = u.shape;
  const { a, b, scale } = lora;
  emitMatmul(emit, { form: 'nt', a: dropped(emit, op), b: a, out: u, m: S, n: r, k: x.shape[1] });
  emitLinear(emit, x, base, y);
  emitMatmul(emit, { form: 'nt', a: u, b, out: y, m: S, n: y.shape[1], k: r, alpha: scale, accumulate: true });
}

function backward(emit: BackwardEmitter, op: LoraOp): void {
  const { x, base, lora, y, u } = op;
  const { a, b, scale } = lora;
  const [S, r] = u.shape;
  const [inner, outer] = [x.shape[1], y.shape[1]];
  const dy = emit.grad(y);
  const v = emit.temp('lora_v', [S, r]);
  if (emit.needs(a) || emit.needs(x))
    emitMatmul(emit, { form: 'nn', a: dy, b, out: v, m: S, n: r, k: outer, alpha: scale });
  if (emit.needs(b)) {
    const shape = { form: 'tn', m: outer, n: r, k: S } as const;
    const { tensor, accumulate } = emit.into(b);
    emitMatmul(emit, {
      ...shape,
      a: dy,
      b: u,
      out: tensor,
      alpha: scale,
      accumulate,
      split: splitOverTokens(emit, shape),
    });
  }
  if (emit.needs(a)) {
    const shape = { form: 'tn', m: r, n: inner, k: S } as const;
    const { tensor, accumulate } = emit.into(a);
    emitMatmul(emit, {
      ...shape,
      a: v,
      b: dropped(emit, op),
      out: tensor,
      accumulate,
      split: splitOverTokens(emit, shape),
    });
  }
  emitLinearBackward(emit, x, base, y);
  if (emit.needs(x)) addThroughMask(emit, op, v);
}

/** dx += mask(v·A). */
function addThroughMask(emit: BackwardEmitter, { x, lora }: LoraOp, v: Tensor): void {
  const [S, r] = v.shape;
  const product = { form: 'nn', a: v, b: lora.a, m: S, n: x.shape[1], k: r } as const;
  const target = emit.into(x);
  if (lora.dropout === 0) {
    emitMatmul(emit, { ...product, out: target.tensor, accumulate: target.accumulate });
    return;
  }
  const through = emit.temp('through_adapter', x.shape);
  emitMatmul(emit, { ...product, out: through });
  mask(emit, lora, through, target);
}
