import { problem } from '../../../src/common/errors';
import type { GraphBuilder } from '../graph/builder';
import type { BackwardEmitter, Emitter, GradientTarget } from '../graph/node';
import type { Tensor } from '../graph/tensor';
import { emitDropout } from './dropout';
import { checkGate, emitGate, emitGateGradient } from './gate';
import { emitLinear, emitLinearBackward, linearSizes, type LinearWeights } from './linear';
import { emitMatmul, splitOverTokens } from './matmul';

/** A low-rank adapter: a [r, in], b [out, r]; `dropout` in [0, 1) acts on the adapter's input alone. */
export interface LoraFactors {
  readonly a: Tensor;
  readonly b: Tensor;
  /** Factors between the two: r of them (AdaLoRA's λ), or one for the whole adapter (WeightLoRA's ω). */
  readonly gate?: Tensor;
  readonly scale: number;
  readonly dropout: number;
  /** Tells this mask from the others of the model (unsigned 32-bit). */
  readonly dropoutKey: number;
}

/**
 * y = x Wᵀ + bias + s·(x̃ Aᵀ ∘ gate) Bᵀ with x̃ = dropout(x) (LoRA, arXiv 2106.09685, with PEFT's conventions; the
 * gate is 1 unless given, arXiv 2303.10512 and 2506.02724). BA is never formed. Backward, with G = dL/dy, u = x̃Aᵀ and
 * v = s·G·B: dB = s·Gᵀ(u ∘ gate), dgate = Σ_s v ∘ u, dA = (v ∘ gate)ᵀx̃, dx = G·W + ((v ∘ gate)·A through the mask).
 * Saves x and u [S, r]; the mask is drawn again.
 */
export function loraLinear(g: GraphBuilder, name: string, x: Tensor, base: LinearWeights, lora: LoraFactors): Tensor {
  const { S, inner, outer } = linearSizes(name, x, base);
  const { a, b, gate } = lora;
  const r = a.shape[0];
  if (a.shape[1] !== inner || b.shape[0] !== outer || b.shape[1] !== r)
    throw problem(
      'graph.lora',
      `${name}: factors [${a.shape.join(', ')}] and [${b.shape.join(', ')}] do not fit a ${outer} x ${inner} weight.`,
      'The adapter was made for another model.',
    );
  if (gate) checkGate(gate, r);
  const y = g.value(name, [S, outer]);
  const u = g.value(`${name}.lora_u`, [S, r]);
  const op: LoraOp = { x, base, lora, y, u };
  g.add({
    name,
    kind: 'loraLinear',
    inputs: [x, base.weight, ...(base.bias ? [base.bias] : []), a, b, ...(gate ? [gate] : [])],
    outputs: [y, u],
    saves: needs => [...(needs(a) || needs(base.weight) ? [x] : []), ...(needs(b) || (gate && needs(gate)) ? [u] : [])],
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

/** x ∘ gate, in scratch; x itself without a gate. */
function gated(emit: Emitter, name: string, x: Tensor, gate: Tensor | undefined): Tensor {
  if (!gate) return x;
  const out = emit.temp(name, x.shape);
  emitGate(emit, x, gate, out);
  return out;
}

function forward(emit: Emitter, op: LoraOp): void {
  const { x, base, lora, y, u } = op;
  const [S, r] = u.shape;
  const { a, b, scale } = lora;
  emitMatmul(emit, { form: 'nt', a: dropped(emit, op), b: a, out: u, m: S, n: r, k: x.shape[1] });
  if (!emit.wants(y)) return;
  const through = gated(emit, 'lora_gated', u, lora.gate);
  emitLinear(emit, x, base, y);
  emitMatmul(emit, { form: 'nt', a: through, b, out: y, m: S, n: y.shape[1], k: r, alpha: scale, accumulate: true });
}

function backward(emit: BackwardEmitter, op: LoraOp): void {
  const { x, base, lora, y, u } = op;
  const { a, b, scale, gate } = lora;
  const [S, r] = u.shape;
  const dy = emit.grad(y);
  const v = emit.temp('lora_v', [S, r]);
  const wantsGate = gate !== undefined && emit.needs(gate);
  if (emit.needs(a) || emit.needs(x) || wantsGate)
    emitMatmul(emit, { form: 'nn', a: dy, b, out: v, m: S, n: r, k: y.shape[1], alpha: scale });
  if (emit.needs(b)) weightGradient(emit, b, dy, gated(emit, 'lora_gated', u, gate), scale);
  if (wantsGate) emitGateGradient(emit, u, v, emit.into(gate));
  const back = emit.needs(a) || emit.needs(x) ? gated(emit, 'lora_v_gated', v, gate) : v;
  if (emit.needs(a)) weightGradient(emit, a, back, dropped(emit, op), 1);
  emitLinearBackward(emit, x, base, y);
  if (emit.needs(x)) addThroughMask(emit, op, back);
}

/** d`factor` += alpha·leftᵀ·right over the tokens, for left [S, m] and right [S, n]. */
function weightGradient(emit: BackwardEmitter, factor: Tensor, left: Tensor, right: Tensor, alpha: number): void {
  const shape = { form: 'tn', m: left.shape[1], n: right.shape[1], k: left.shape[0] } as const;
  const { tensor, accumulate } = emit.into(factor);
  const split = splitOverTokens(emit, shape);
  emitMatmul(emit, { ...shape, a: left, b: right, out: tensor, alpha, accumulate, split });
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
