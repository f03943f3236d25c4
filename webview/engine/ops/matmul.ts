import { problem } from '../../../src/common/errors';
import type { Emitter } from '../graph/node';
import { elements, type Tensor } from '../graph/tensor';
import { f32, grid1d, type Grid, type Kernel, type Param } from '../runtime/kernel';
import { groupSize, kernelOf, put } from './kernelSource';
import { matmulKernel, matmulKey, type MatmulVariant, type Tile } from './matmulKernel';
import { arrange, chooseTile, layersFor, matmulThreads, type MatmulShape } from './matmulPlan';
import { stridedKernel, stridedKey } from './matmulStrided';

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
  /** Instead of the planner's choice; for measuring. */
  readonly tile?: Tile;
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
  const layers = layersFor(shape, emit.profile);
  return { layers, scratch: emit.temp('split', [layers > 1 ? layers : 1, shape.m, up4(shape.n)]) };
}

interface Resolved extends Matmul {
  readonly lda: number;
  readonly ldb: number;
  readonly ldo: number;
  readonly aOffset: number;
  readonly bOffset: number;
  readonly outOffset: number;
  readonly alpha: number;
  readonly accumulate: boolean;
}

/** Records one matrix product: one dispatch, or two when split. Throws when an operand does not reach far enough. */
export function emitMatmul(emit: Emitter, spec: Matmul): void {
  const { form, m, n, k, split } = spec;
  const whole: Resolved = {
    ...spec,
    lda: spec.lda ?? (form === 'tn' ? m : k),
    ldb: spec.ldb ?? (form === 'nt' ? k : n),
    ldo: spec.ldo ?? n,
    aOffset: spec.aOffset ?? 0,
    bOffset: spec.bOffset ?? 0,
    outOffset: spec.outOffset ?? 0,
    alpha: spec.alpha ?? 1,
    accumulate: spec.accumulate ?? false,
  };
  check(whole);
  if (!split || split.layers <= 1) {
    emitProduct(emit, whole, { layers: 1, pitch: 0 });
    return;
  }
  const ldo = up4(n);
  const partial = { ...whole, out: split.scratch, ldo, outOffset: 0, alpha: 1, accumulate: false, bias: undefined };
  emitProduct(emit, partial, { layers: split.layers, pitch: m * ldo });
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

interface Layers {
  readonly layers: number;
  /** Elements between the outputs of two layers. */
  readonly pitch: number;
}

function emitProduct(emit: Emitter, product: Resolved, cut: Layers): void {
  const tile = product.tile ?? chooseTile(product, emit.profile);
  const threads = matmulThreads(emit.profile);
  const { wide, across, down } = arrange(product, tile, threads);
  const chunk = cut.layers === 1 ? up4(product.k) : up4(Math.ceil(product.k / cut.layers));
  const variant = { form: product.form, tile, half: product.b.dtype === 'f16', bias: !!product.bias, threads };
  const place = { wide, across, chunk, pitch: cut.pitch };
  const aligned = isAligned(product);
  const kernel = aligned ? vectorKernel(variant) : anyKernel(variant);
  const params = aligned ? vectorParams(product, place) : stridedParams(product, place);
  const bindings = [product.a, product.b, product.out, ...(product.bias ? [product.bias] : [])];
  emit.dispatch(kernel, bindings, params, blockGrid(across * down, cut.layers));
}

function isAligned({ form, k, n, lda, ldb, ldo, aOffset, bOffset, outOffset, bias, zeroPadded }: Resolved) {
  const steps = [lda, ldb, ldo, aOffset, bOffset, outOffset, bias ? n : 0];
  const wide = steps.every(x => x % 4 === 0) && ldo >= up4(n);
  if (form === 'tn') return wide;
  return wide && (k % 4 === 0 || (form === 'nn' && zeroPadded === true));
}

interface Place {
  readonly wide: number;
  readonly across: number;
  readonly chunk: number;
  readonly pitch: number;
}

function vectorParams(p: Resolved, place: Place): Param[] {
  const flags = p.accumulate ? 1 : 0;
  const where = [p.lda, p.ldb, p.ldo, p.aOffset, p.bOffset, p.outOffset];
  return [p.m, p.n, p.k, ...where, f32(p.alpha), flags, place.wide, place.across, place.chunk, place.pitch];
}

function stridedParams(p: Resolved, place: Place): Param[] {
  const strides = [p.form === 'tn' ? 1 : p.lda, p.form === 'tn' ? p.lda : 1, p.form === 'nt' ? 1 : p.ldb];
  const where = [...strides, p.form === 'nt' ? p.ldb : 1, p.ldo, p.aOffset, p.bOffset, p.outOffset];
  const packed = place.wide + place.across * 16;
  return [p.m, p.n, p.k, ...where, f32(p.alpha), p.accumulate ? 1 : 0, packed, place.chunk, place.pitch];
}

const kernels = new Map<string, Kernel>();

function vectorKernel(variant: MatmulVariant): Kernel {
  return cached(matmulKey(variant), () => matmulKernel(variant));
}

/** One tile for every form: this path serves odd sizes, and each variant costs a pipeline. */
function anyKernel({ half, bias, threads, tile }: MatmulVariant): Kernel {
  const variant = { tile, half, bias, threads };
  return cached(stridedKey(variant), () => stridedKernel(variant));
}

function cached(key: string, make: () => Kernel): Kernel {
  const known = kernels.get(key);
  if (known) return known;
  const made = make();
  kernels.set(key, made);
  return made;
}

function blockGrid(blocks: number, layers: number): Grid {
  const [x, y] = grid1d(blocks, 1);
  return [x, y, layers];
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

/** The next multiple of 4. */
export function up4(count: number): number {
  return Math.ceil(count / 4) * 4;
}
