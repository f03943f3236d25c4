import type { Profile } from '../runtime/kernel';
import { vectorFor, type Vector } from './kernelSource';

/** Sizes of one attention: all heads have `headDim` floats; `heads / kvHeads` query heads share a key head. */
export interface AttentionShape {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

/**
 * The part of an attention that is compiled into its kernels. An invocation owns `own` rows (queries, or keys in the
 * key pass) and meets the other side in tiles of `meet` rows: all scores of a tile are named registers, and loops over
 * the head's dimensions stay loops. Unrolling those made code that took SwiftShader seconds and lavapipe minutes to
 * compile; the tile gives back most of what their loads cost.
 */
export interface AttentionTile {
  readonly own: number;
  readonly meet: number;
  /**
   * Four neighbouring lanes take consecutive rows of one head and meet the same tile: each loads a quarter of it and
   * passes it on by quad swaps, so slot t of a lane is row `lane ^ t` of every four. `meet` is a multiple of 4 then.
   */
  readonly shared?: boolean;
  readonly vector: Vector;
}

/**
 * On software adapters loads are most of what a kernel costs, to run and to compile. Where lanes share them, one row of
 * their own is enough: two would run a fifth faster and compile for twice as long. Elsewhere the forward pass meets
 * eight keys at a time; the backward passes hold twice as many sums per pair, and with tiles of 4 by 8 lavapipe compiles
 * one of them for more than a minute.
 */
export function attentionTile(headDim: number, profile: Profile, pass: 'forward' | 'backward'): AttentionTile {
  const vector = vectorFor(headDim);
  if (profile === 'gpu') return { own: 2, meet: 4, vector };
  if (profile === 'quads') return { own: 1, meet: 8, shared: true, vector };
  return { own: 4, meet: pass === 'forward' ? 8 : 4, vector };
}

export function tileSuffix({ own, meet, shared, vector }: AttentionTile): string {
  return `${shared ? '_quad' : ''}_${own}x${meet}${vector.suffix}`;
}

/** Invocations to launch for `rows` rows of each of `heads` heads; with `shared` the lanes of a quad have one head. */
export function tileInvocations({ own, shared }: AttentionTile, heads: number, rows: number): number {
  const lanes = shared ? 4 : 1;
  return heads * Math.ceil(rows / (own * lanes)) * lanes;
}

/** WGSL that opens an entry point: `head`, called so, below `heads`, and `first`, the first row this invocation owns. */
export function openTile({ own, shared }: AttentionTile, head: string, heads: string): string {
  const lanes = shared ? 4 : 1;
  return `  let lane = ${shared ? 'i & 3u' : '0u'};
  let block = i / ${lanes}u;
  let blocks = (p.rows + ${own * lanes - 1}u) / ${own * lanes}u;
  let ${head} = block / blocks;
  let first = (block % blocks * ${lanes}u + lane) * ${own}u;
  if (${head} >= ${heads}) { return; }`;
}

/** WGSL for the row of the other side in slot `t` of the tile that begins at `j`; it may lie past the end. */
export function slotRow({ shared }: AttentionTile, t: number): string {
  return shared ? `j + ${t & ~3}u + (lane ^ ${t & 3}u)` : `j + ${t}u`;
}

/** WGSL that names slot `t` of a tile `${name}${t}`: loaded by `load`, or taken from the neighbour that loaded it. */
export function takeSlot({ shared }: AttentionTile, slot: { name: string; t: number; load: string }): string {
  const { name, t, load } = slot;
  if (!shared || t % 4 === 0) return `let ${name}${t} = ${load};`;
  return `let ${name}${t} = ${['', 'quadSwapX', 'quadSwapY', 'quadSwapDiagonal'][t % 4]}(${name}${t & ~3});`;
}

/** WGSL of `min` or `max` over rows' values, and with `shared` over the quad's, whose lanes stay together. */
export function foldTile({ shared }: AttentionTile, call: 'min' | 'max', items: readonly string[]): string {
  return shared ? `quad_${call}(${fold(call, items)})` : fold(call, items);
}

/** WGSL that keeps a lane without a row of its own from storing; only quads have such lanes. */
export function whereOwned({ shared }: AttentionTile, stores: string): string {
  return shared ? `      if (first < p.rows) {\n${stores}\n      }` : stores;
}

/** Module-scope WGSL of an attention kernel: its vector, `inner`, and folds over the quad. */
export function tileDeclarations({ shared, vector }: AttentionTile): string {
  const quadFold = (call: string) =>
    `fn quad_${call}(v: u32) -> u32 { let x = ${call}(v, quadSwapX(v)); return ${call}(x, quadSwapY(x)); }`;
  return `${vector.declarations}
${innerProduct(vector)}
${shared ? `${quadFold('min')}\n${quadFold('max')}` : ''}`;
}

/** `0 … count − 1`, each turned into a WGSL line. */
export function lines(count: number, line: (index: number) => string): string {
  return list(count, line, '\n');
}

/** `0 … count − 1`, each turned into WGSL, joined by `separator`. */
export function list(count: number, item: (index: number) => string, separator: string): string {
  return Array.from({ length: count }, (_, index) => item(index)).join(separator);
}

/** WGSL that folds the items pairwise with a two-argument function: `max(max(a, b), c)`. */
export function fold(call: string, items: readonly string[]): string {
  return items.reduce((left, right) => `${call}(${left}, ${right})`);
}

export const innerProduct = ({ wide }: Vector): string =>
  `fn inner(a: V, b: V) -> f32 { return ${wide ? 'dot(a, b)' : 'a * b'}; }`;

/** Below every score, and finite: differences of two of these are 0, not NaN. */
export const lowest = '-3.0e38';
