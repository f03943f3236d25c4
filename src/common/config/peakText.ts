import type { ForecastFacts } from './facts';

/** `mlp.down_proj of block 3, backward`, without the path of the block. */
export function peakText({ op, block, phase }: ForecastFacts['peak']): string {
  if (block === undefined) return `${op}, ${phase}`;
  return `${op.replace(/^.*\.\d+\./, '')} of block ${block}, ${phase}`;
}
