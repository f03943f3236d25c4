import type { GraphBuilder } from '../graph/builder';
import type { Tensor } from '../graph/tensor';
import { grid1d } from '../runtime/kernel';
import { groupSize, kernelOf } from './kernelSource';

function pickRowKernel() {
  return kernelOf('pick_row', () => ({
    storage: { row: 'array<u32>', x: 'array<f32>', into: 'array<f32>' },
    params: { width: 'u32', at: 'u32' },
    main: `  if (i >= p.width) { return; }
  into[p.at * p.width + i] = x[row[0] * p.width + i];`,
  }));
}

export interface PickRow {
  /** [S, width]. */
  readonly x: Tensor;
  /** Which row, u32 [1]. */
  readonly row: Tensor;
  /** Persistent, [n, width]. */
  readonly into: Tensor;
  readonly at: number;
}

/** into[at] = x[row], to be read by the host after the pass. */
export function pickRow(g: GraphBuilder, name: string, { x, row, into, at }: PickRow): void {
  const [, width] = x.shape;
  g.add({
    name,
    kind: 'pickRow',
    inputs: [x, row],
    outputs: [],
    saves: () => [],
    forward: emit => emit.dispatch(pickRowKernel(), [row, x, into], [width, at], grid1d(width, groupSize)),
  });
}
