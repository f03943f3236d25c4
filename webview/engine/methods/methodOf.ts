import type { RunConfig } from '../../../src/common/config/schema';
import type { LoraAdapter } from '../formats/peftAdapter';
import type { ModelConfig } from '../model/config';
import { fullMethod } from './full';
import { loraMethod } from './lora';
import type { Method } from './method';

export interface MethodInput {
  readonly config: RunConfig;
  readonly model: ModelConfig;
  readonly modelName: string;
  /** The model's small files, for methods that export a whole model. */
  readonly passthrough: Readonly<Record<string, string>>;
  readonly adapter?: LoraAdapter;
  /** Optimizer steps of the run, where they are known. */
  readonly totalSteps: number;
  /** What {@link Method.state} gave when the checkpoint was written that this run continues. */
  readonly state?: unknown;
}

/** The method a config names. */
export function methodOf({ config, model, modelName, passthrough, adapter }: MethodInput): Method {
  const { method, training } = config;
  switch (method.type) {
    case 'full':
      return fullMethod({ model, passthrough });
    case 'lora':
      return loraMethod({ config: method, model, modelName, seed: training.seed, adapter });
  }
}
