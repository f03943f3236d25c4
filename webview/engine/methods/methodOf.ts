import type { RunConfig } from '../../../src/common/config/schema';
import type { FileSet } from '../../../src/common/run/events';
import { readBottleneckAdapter } from '../formats/adaptersLibrary';
import { readLoraAdapter } from '../formats/peftAdapter';
import { moduleCatalog } from '../model/catalog';
import type { ModelConfig } from '../model/config';
import { bottleneckMethod } from './bottleneck';
import { fullMethod } from './full';
import { loraMethod } from './lora';
import type { Method } from './method';

export interface MethodInput {
  readonly config: RunConfig;
  readonly model: ModelConfig;
  readonly modelName: string;
  /** The model's small files, for methods that export a whole model. */
  readonly passthrough: Readonly<Record<string, string>>;
  /** Folder of the adapter to continue. */
  readonly adapter?: FileSet;
  /** Optimizer steps of the run, where they are known. */
  readonly totalSteps: number;
  /** What {@link Method.state} gave when the checkpoint was written that this run continues. */
  readonly state?: unknown;
}

/** The method a config names. */
export function methodOf(input: MethodInput): Method {
  const { config, model, modelName, passthrough, adapter: files } = input;
  const { method, training } = config;
  const { seed } = training;
  switch (method.type) {
    case 'full':
      return fullMethod({ model, passthrough });
    case 'lora':
      return loraMethod({
        config: method,
        model,
        modelName,
        seed,
        adapter: files && readLoraAdapter(files, moduleCatalog(model)),
      });
    case 'bottleneck':
      return bottleneckMethod({
        config: method,
        model,
        modelName,
        seed,
        measures: training.importance_steps > 0,
        adapter: files && readBottleneckAdapter(files, model),
      });
  }
}
