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
  readonly vector: Vector;
}

/**
 * On software adapters the forward pass meets eight keys at a time; the backward passes hold twice as many sums per pair,
 * and with tiles of eight lavapipe compiles one of them for more than a minute.
 */
export function attentionTile(headDim: number, profile: Profile, pass: 'forward' | 'backward'): AttentionTile {
  const vector = vectorFor(headDim);
  if (profile === 'gpu') return { own: 2, meet: 4, vector };
  return { own: 4, meet: pass === 'forward' ? 8 : 4, vector };
}

export function tileSuffix({ own, meet, vector }: AttentionTile): string {
  return `_${own}x${meet}${vector.suffix}`;
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
