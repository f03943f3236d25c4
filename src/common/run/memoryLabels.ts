import type { MemoryCategory } from './events';

/** What a category of memory is called in every view. */
export const memoryLabels: Readonly<Record<MemoryCategory, string>> = {
  weights: 'weights',
  adapter: 'adapter',
  gradients: 'gradients',
  optimizer: 'optimizer',
  activations: 'activations',
  workspace: 'workspace',
  kvCache: 'KV cache',
  staging: 'staging',
  offloadedCpu: 'offloaded to CPU',
  offloadedDisk: 'offloaded to disk',
};
