import type { Profile } from '../runtime/kernel';
import type { MatmulForm, Tile } from './matmulKernel';

/** The problem as the planner sees it: out[m, n] over k terms. */
export interface MatmulShape {
  readonly form: MatmulForm;
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** Arrangement of tiles in workgroups. */
export interface Blocks {
  /** log2 of the threads of a workgroup that lie along the columns. */
  readonly wide: number;
  readonly across: number;
  readonly down: number;
}

/** Threads per workgroup. Small groups keep both cores of a software adapter busy with few tiles. */
export function matmulThreads(profile: Profile): number {
  return profile === 'gpu' ? 64 : 16;
}

/** The tile that wastes least on this output; narrow ones serve LoRA factors and single rows of generation. */
export function chooseTile({ form, m, n }: MatmulShape, profile: Profile): Tile {
  const rows = profile === 'gpu' ? 4 : 8;
  if (m <= 2 && form !== 'tn') return { rows: 1, columns: 8 };
  if (n <= 4) return { rows: 8, columns: 4 };
  return { rows: m <= 4 ? 4 : rows, columns: 8 };
}

/**
 * Threads are laid out wide for outputs with few rows, tall for those with few columns, else nearly square; at least
 * 2 ** `least` lie along the columns.
 */
export function arrange({ m, n }: Pick<MatmulShape, 'm' | 'n'>, tile: Tile, threads: number, least: number): Blocks {
  const tilesAcross = Math.ceil(n / tile.columns);
  const tilesDown = Math.ceil(m / tile.rows);
  const all = Math.log2(threads);
  let wide = Math.max(Math.floor(all / 2), least);
  while (wide > least && 1 << (wide - 1) >= tilesAcross) wide--;
  while (wide < all && threads >> (wide + 1) >= tilesDown && 1 << wide < tilesAcross) wide++;
  return {
    wide,
    across: Math.ceil(tilesAcross / (1 << wide)),
    down: Math.ceil(tilesDown / (threads >> wide)),
  };
}

const mostLayers = 32;
/** Terms of k that make a layer worth its partial output. */
const layerTerms = 128;
/** Workgroups that keep a GPU busy. */
const enoughGroups = 256;

/**
 * Into how many parts to cut k so that a small output still fills the adapter. Depends on the number of tokens only
 * through `k`, and never shrinks as k grows: a plan for the largest micro-batch then holds the scratch of every other.
 * It is the same on every adapter, because the memory forecast does not know the adapter.
 */
export function layersFor(shape: MatmulShape): number {
  const blocks = arrange(shape, chooseTile(shape, 'gpu'), matmulThreads('gpu'), 0);
  const wanted = Math.ceil(enoughGroups / (blocks.across * blocks.down));
  return Math.max(1, Math.min(wanted, Math.floor(shape.k / layerTerms), mostLayers));
}
