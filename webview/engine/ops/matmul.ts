import { problem } from '../../../src/common/errors';
import type { Emitter } from '../graph/node';
import { elements, isPacked, type Tensor } from '../graph/tensor';
import { f32, grid1d } from '../runtime/kernel';
import { groupSize, kernelOf, put } from './kernelSource';
import { launchOf, up4, type Layers, type Resolved } from './matmulLaunch';
import { layersFor, type MatmulShape } from './matmulPlan';

/**
 * out[m, n] = alpha · op(a) · op(b) (+ bias[n]) (+ out). Row-major: `nt` a[m,k]·b[n,k]ᵀ, `nn` a[m,k]·b[k,n],
 * `tn` a[k,m]ᵀ·b[k,n]. Leading dimensions and offsets count elements; b may be f16. For `nn` with 4-aligned a and a k
 * that is no multiple of 4, `zeroPadded` promises that a's rows hold zeros up to the next multiple.
 */
export interface Matmul extends MatmulShape {
  readonly a: Tensor;
  readonly b: Tensor;
  readonly out: Tensor;
  readonly lda?: number;
  readonly ldb?: number;
  readonly ldo?: number;
  readonly aOffset?: number;
  readonly bOffset?: number;
  readonly outOffset?: number;
  readonly alpha?: number;
  readonly accumulate?: boolean;
  readonly bias?: Tensor;
  readonly zeroPadded?: boolean;
  /** Cuts k into layers whose partial products meet in `scratch` and are added in order. */
  readonly split?: Split;
}

export interface Split {
  readonly layers: number;
  /** At least `layers` × m × (n rounded up to 4) values. */
  readonly scratch: Tensor;
}

/**
 * Scratch for a product whose k is the number of tokens (dW, dA, dB). The tensor is made whatever the number of
 * tokens, because graphs of all sizes must make the same tensors in the same order.
 */
export function splitOverTokens(emit: Emitter, shape: MatmulShape): Split {
  const layers = layersFor(shape);
  return { layers, scratch: emit.temp('split', [layers > 1 ? layers : 1, shape.m, up4(shape.n)]) };
}

/** Records one matrix product: one dispatch, or two when split. Throws when an operand does not reach far enough. */
export function emitMatmul(emit: Emitter, spec: Matmul): void {
  const { form, a, b, out, bias, m, n, k, split } = spec;
  // Field by field: a model has thousands of products, and copying by spread costs several times as much.
  const whole: Resolved = {
    form,
    a,
    b,
    out,
    bias,
    m,
    n,
    k,
    lda: spec.lda ?? (form === 'tn' ? m : k),
    ldb: spec.ldb ?? (form === 'nt' ? k : n),
    ldo: spec.ldo ?? n,
    aOffset: spec.aOffset ?? 0,
    bOffset: spec.bOffset ?? 0,
    outOffset: spec.outOffset ?? 0,
    alpha: spec.alpha ?? 1,
    accumulate: spec.accumulate ?? false,
    zeroPadded: spec.zeroPadded ?? false,
  };
  check(whole);
  if (!split || split.layers <= 1) {
    emitProduct(emit, whole, { count: 1, pitch: 0 });
    return;
  }
  const ldo = up4(n);
  const partial = { ...whole, out: split.scratch, ldo, outOffset: 0, alpha: 1, accumulate: false, bias: undefined };
  emitProduct(emit, partial, { count: split.layers, pitch: m * ldo });
  addLayers(emit, whole, split);
}

function check({ form, m, n, k, a, b, lda, ldb, aOffset, bOffset }: Resolved): void {
  const [aRows, aColumns] = form === 'tn' ? [k, m] : [m, k];
  const [bRows, bColumns] = form === 'nt' ? [n, k] : [k, n];
  const short = (tensor: Tensor, end: number) => end > elements(tensor.shape);
  const bad =
    m < 1 ||
    n < 1 ||
    k < 1 ||
    a.dtype !== 'f32' ||
    isPacked(b.dtype) ||
    lda < aColumns ||
    ldb < bColumns ||
    short(a, aOffset + (aRows - 1) * lda + aColumns) ||
    short(b, bOffset + (bRows - 1) * ldb + bColumns);
  if (bad)
    throw problem(
      'graph.matmul',
      `${a.name} and ${b.name} do not give a ${form} product of ${m} x ${n} over ${k}.`,
      'This is a defect in an op module or a weight of the wrong shape.',
    );
}

function emitProduct(emit: Emitter, product: Resolved, layers: Layers): void {
  const { kernel, params, blocks, exchanged } = launchOf(product, layers, emit.profile);
  const operands = exchanged ? [product.b, product.a] : [product.a, product.b];
  const bindings = [...operands, product.out, ...(product.bias ? [product.bias] : [])];
  const [x, y] = grid1d(blocks, 1);
  emit.dispatch(kernel, bindings, params, [x, y, layers.count]);
}

/** out = alpha · Σ layers (+ bias) (+ out), the layers in order. */
function addLayers(
  emit: Emitter,
  { m, n, out, ldo, outOffset, alpha, accumulate, bias }: Resolved,
  split: Split,
): void {
  const kernel = kernelOf(`matmul_layers${bias ? '_bias' : ''}`, () => ({
    storage: { partial: 'array<f32>', out: 'array<f32>', ...(bias ? { bias: 'array<f32>' } : {}) },
    params: {
      m: 'u32',
      n: 'u32',
      pitch: 'u32',
      layers: 'u32',
      ldo: 'u32',
      o_at: 'u32',
      alpha: 'f32',
      accumulate: 'u32',
    },
    main: `  let row = i / p.n;
  let column = i - row * p.n;
  if (row >= p.m) { return; }
  var at = row * p.pitch + column;
  var sum = 0.0;
  for (var layer = 0u; layer < p.layers; layer++) { sum += partial[at]; at += p.m * p.pitch; }
  let value = p.alpha * sum${bias ? ' + bias[column]' : ''};
  ${put('out[p.o_at + row * p.ldo + column]', 'value')}`,
  }));
  const params = [m, n, up4(n), split.layers, ldo, outOffset, f32(alpha), accumulate ? 1 : 0];
  emit.dispatch(kernel, [split.scratch, out, ...(bias ? [bias] : [])], params, grid1d(m * n, groupSize));
}
