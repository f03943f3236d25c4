import type { Tensor } from '../graph/tensor';
import { f32, type Kernel, type Param, type Profile } from '../runtime/kernel';
import { matmulKernel, matmulKey } from './matmulKernel';
import { arrange, chooseTile, matmulThreads, type MatmulShape } from './matmulPlan';
import { quadKernel, quadKey, type QuadForm } from './matmulQuad';
import { stridedKernel, stridedKey } from './matmulStrided';

/** A product with every default filled in; see `Matmul`. */
export interface Resolved extends MatmulShape {
  readonly a: Tensor;
  readonly b: Tensor;
  readonly out: Tensor;
  readonly bias?: Tensor;
  readonly lda: number;
  readonly ldb: number;
  readonly ldo: number;
  readonly aOffset: number;
  readonly bOffset: number;
  readonly outOffset: number;
  readonly alpha: number;
  readonly accumulate: boolean;
  readonly zeroPadded: boolean;
}

/** How k is cut: the number of layers, and the elements between the outputs of two layers. */
export interface Layers {
  readonly count: number;
  readonly pitch: number;
}

export interface Launch {
  readonly kernel: Kernel;
  readonly params: readonly Param[];
  readonly blocks: number;
  /** The kernel takes b before a: it computes the transposed product. */
  readonly exchanged: boolean;
}

/** The kernel for a product on an adapter, with its parameters. */
export function launchOf(product: Resolved, layers: Layers, profile: Profile): Launch {
  if (profile === 'quads') {
    const launch = quadLaunch(product, layers);
    if (launch) return launch;
  }
  return laneLaunch(product, layers, profile);
}

/** Most rows or columns that count as narrow. */
const narrow = 8;
const mainTile = { rows: 16, columns: 4 };
const narrowTile = { rows: narrow, columns: 8 };
const exchangedForm = { nt: 'nt', tn: 'tn', nn: 'tt' } as const;

/** A kernel whose lanes share rows, if the operands are aligned and there are rows enough to share. */
function quadLaunch(product: Resolved, layers: Layers): Launch | undefined {
  const { form, m, n, b, bias } = product;
  if (!loadsAligned(product) || (m <= 2 && form !== 'tn')) return undefined;
  const half = b.dtype === 'f16';
  if (n <= narrow && m > narrow && !bias && !half) {
    const { a, lda, ldb, aOffset, bOffset } = product;
    const turned = { ...product, a: b, b: a, m: n, n: m, lda: ldb, ldb: lda, aOffset: bOffset, bOffset: aOffset };
    return quad(turned, layers, { form: exchangedForm[form], exchanged: true });
  }
  if (form === 'tn' && m <= narrow && !bias && !half) return quad(product, layers, { form, exchanged: false });
  return storesAligned(product) ? quad(product, layers, { form, exchanged: false, main: true }) : undefined;
}

interface QuadChoice {
  readonly form: QuadForm;
  readonly exchanged: boolean;
  readonly main?: boolean;
}

function quad(product: Resolved, layers: Layers, { form, exchanged, main }: QuadChoice): Launch {
  const tile = main ? mainTile : narrowTile;
  const threads = matmulThreads('quads');
  const half = product.b.dtype === 'f16';
  const variant = { form, tile, half, bias: !!product.bias, strided: !main, threads };
  const { wide, across, down } = arrange(product, tile, threads, 2);
  const steps = exchanged ? [1, product.ldo] : [product.ldo, 1];
  const where = [product.lda, product.ldb, ...steps, product.aOffset, product.bOffset, product.outOffset];
  const sizes = [product.m, product.n, product.k];
  const rest = [f32(product.alpha), product.accumulate ? 1 : 0, wide, across, chunkOf(product, layers), layers.pitch];
  const kernel = cached(quadKey(variant), () => quadKernel(variant));
  return { kernel, params: [...sizes, ...where, ...rest], blocks: across * down, exchanged };
}

/** For sizes that no model has but an odd rank can have: small, because its pipeline is often made for one product. */
const anyTile = { rows: 4, columns: 4 };

/** A kernel whose lanes work alone: 4-wide loads where everything is aligned, else single ones. */
function laneLaunch(product: Resolved, layers: Layers, profile: Profile): Launch {
  const { form, m, n, k, lda, ldb, ldo, aOffset, bOffset, outOffset } = product;
  const aligned = loadsAligned(product) && storesAligned(product);
  const tile = aligned ? chooseTile(product, profile) : anyTile;
  const threads = matmulThreads(profile);
  const { wide, across, down } = arrange(product, tile, threads, 0);
  const variant = { form, tile, half: product.b.dtype === 'f16', bias: !!product.bias, threads };
  const [alpha, accumulate] = [f32(product.alpha), product.accumulate ? 1 : 0];
  const cut = [chunkOf(product, layers), layers.pitch];
  const blocks = across * down;
  if (aligned) {
    const kernel = cached(matmulKey(variant), () => matmulKernel(variant));
    const where = [lda, ldb, ldo, aOffset, bOffset, outOffset];
    const params = [m, n, k, ...where, alpha, accumulate, wide, across, ...cut];
    return { kernel, params, blocks, exchanged: false };
  }
  const kernel = cached(stridedKey(variant), () => stridedKernel(variant));
  const aSteps = form === 'tn' ? [1, lda] : [lda, 1];
  const bSteps = form === 'nt' ? [1, ldb] : [ldb, 1];
  const where = [...aSteps, ...bSteps, ldo, aOffset, bOffset, outOffset];
  const params = [m, n, k, ...where, alpha, accumulate, wide + across * 16, ...cut];
  return { kernel, params, blocks, exchanged: false };
}

function loadsAligned({ form, k, lda, ldb, aOffset, bOffset, zeroPadded }: Resolved): boolean {
  if (![lda, ldb, aOffset, bOffset].every(isWhole)) return false;
  return form === 'tn' || isWhole(k) || (form === 'nn' && zeroPadded);
}

/** 4-wide stores may fill the padding of the last columns. */
function storesAligned({ n, ldo, outOffset, bias }: Resolved): boolean {
  return isWhole(ldo) && isWhole(outOffset) && ldo >= up4(n) && (!bias || isWhole(n));
}

function isWhole(count: number): boolean {
  return count % 4 === 0;
}

function chunkOf({ k }: Resolved, { count }: Layers): number {
  return up4(Math.ceil(k / count));
}

const kernels = new Map<string, Kernel>();

function cached(key: string, make: () => Kernel): Kernel {
  const known = kernels.get(key);
  if (known) return known;
  const made = make();
  kernels.set(key, made);
  return made;
}

/** The next multiple of 4. */
export function up4(count: number): number {
  return Math.ceil(count / 4) * 4;
}
