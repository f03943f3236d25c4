import type { Tensor } from '../graph/tensor';
import type { AttentionShape, AttentionTile } from './attentionShape';
import { dropoutFunctions } from './dropoutHash';
import { vectorFor } from './kernelSource';

/** Keys and values that every token sees besides those of its own example: [P, kvHeads·headDim] each, any P. */
export interface PrefixRows {
  readonly k: Tensor;
  readonly v: Tensor;
  /** Drops single values in training, anew for each example of a micro-batch; `key` differs from block to block. */
  readonly dropout?: PrefixDropout;
}

export interface PrefixDropout {
  readonly rate: number;
  readonly key: number;
}

/** An attention as its prefix part sees it. */
export interface PrefixSite extends AttentionShape {
  readonly q: Tensor;
  readonly o: Tensor;
  readonly logSum: Tensor;
  readonly segmentStart: Tensor;
  readonly prefix: PrefixRows;
  readonly rows: number;
  readonly scale: number;
}

/** What of a prefix attention is compiled into its kernels. */
export interface PrefixTile extends AttentionTile {
  readonly thinned: boolean;
}

/** Small tiles: prefixes are short, and with dropout each pair of rows has a mask of its own, whose hash is long code. */
export function prefixTile(headDim: number, thinned: boolean): PrefixTile {
  const vector = vectorFor(headDim);
  return thinned ? { own: 1, meet: 2, vector, thinned } : { own: 2, meet: 4, vector, thinned };
}

export const thinSuffix = ({ thinned }: PrefixTile): string => (thinned ? '_drop' : '');

/** Kernel parameters of dropout, absent without it. */
export const thinParams = ({ thinned }: PrefixTile): Record<string, 'u32' | 'f32'> =>
  thinned ? { rate: 'f32', kept: 'f32', key: 'u32' } : {};

/**
 * `thin(value, at, seed, key)`: a V of the prefix as an example sees it. `at` counts Vs of k or v, `seed` belongs to the
 * example (`example_seed` of its first row), and v uses `key + 1`.
 */
export function thinFunctions({ thinned, vector }: PrefixTile): string {
  if (!thinned) return '';
  const chance = (lane: number) => `keep(seed, key, at * ${vector.step}u + ${lane}u, p.rate)`;
  const mask = vector.wide ? `vec4<bool>(${[0, 1, 2, 3].map(chance).join(', ')})` : chance(0);
  return `${dropoutFunctions}
fn example_seed(start: u32) -> u32 { return step.seed ^ pcg(start); }
fn thin(value: V, at: u32, seed: u32, key: u32) -> V { return select(V(), value * p.kept, ${mask}); }
`;
}

/** WGSL of `value` at `at` as the example of `seed` sees it. */
export function seen(tile: PrefixTile, value: string, at: string, seed: string, side: 'k' | 'v'): string {
  return tile.thinned ? `thin(${value}, ${at}, ${seed}, p.key${side === 'v' ? ' + 1u' : ''})` : value;
}
