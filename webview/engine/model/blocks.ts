import type { Tensor } from '../graph/tensor';
import { moduleCatalog, type ModuleSpec } from './catalog';
import type { ModelContext } from './context';

/** A transformer block and its Linear or Conv1D modules. */
export interface BlockSite {
  readonly block: number;
  readonly modules: readonly ModuleSpec[];
}

type BuildBlock = (context: ModelContext, site: BlockSite, x: Tensor) => Tensor;

/** Sends x [S, d] through all transformer blocks in turn. */
export function eachBlock(context: ModelContext, embedded: Tensor, build: BuildBlock): Tensor {
  const catalog = moduleCatalog(context.config);
  let x = embedded;
  for (let block = 0; block < context.config.layers; block++) {
    const input = x;
    const modules = catalog.filter(module => module.block === block);
    x = context.graph.block(block, () => build(context, { block, modules }, input));
  }
  return x;
}
