import type { RunConfig } from './schema';

/** The adapter that a run goes on training. */
export interface AdapterFolder {
  /** As the config has it, relative to it. */
  readonly path: string;
  /** The files its library writes there. */
  readonly files: readonly string[];
}

/** What `method.adapter` names; undefined where a run starts afresh. */
export function adapterFolder({ method }: RunConfig): AdapterFolder | undefined {
  const path = 'adapter' in method ? method.adapter : undefined;
  if (path === undefined) return undefined;
  const weights = weightsFile(method.type);
  return { path, files: ['adapter_config.json', weights] };
}

/** PEFT's name, or that of the `adapters` library. */
function weightsFile(type: RunConfig['method']['type']): string {
  return type === 'bottleneck' ? 'adapter.safetensors' : 'adapter_model.safetensors';
}
