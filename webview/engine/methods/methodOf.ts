import type { RunConfig } from '../../../src/common/config/schema';
import type { FileSet } from '../../../src/common/run/events';
import { readAdaloraAdapter } from '../formats/adaloraAdapter';
import { readBottleneckAdapter } from '../formats/adaptersLibrary';
import { readLoraAdapter } from '../formats/peftAdapter';
import { readPromptAdapter } from '../formats/promptAdapter';
import { moduleCatalog, tensorCatalog } from '../model/catalog';
import type { ModelConfig } from '../model/config';
import { adaloraMethod } from './adalora';
import { bottleneckMethod } from './bottleneck';
import { fewShotMethod } from './fewShot';
import { fullMethod } from './full';
import { loraMethod } from './lora';
import type { Method } from './method';
import { prefixMethod } from './prefix';
import { pTuningMethod } from './pTuning';
import { measurePlan } from './virtualTokens';
import { weightloraMethod } from './weightlora';

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
    case 'few-shot':
      return fewShotMethod([]);
    case 'lora':
      return loraMethod({
        config: method,
        model,
        modelName,
        seed,
        adapter: files && readLoraAdapter(files, moduleCatalog(model), tensorCatalog(model)),
      });
    case 'adalora':
      return adaloraMethod({
        config: method,
        model,
        modelName,
        seed,
        totalSteps: input.totalSteps,
        adapter: files && readAdaloraAdapter(files, moduleCatalog(model), tensorCatalog(model)),
        state: input.state,
      });
    case 'prefix':
    case 'p-tuning-v2':
      return prefixMethod({
        config: method,
        model,
        modelName,
        seed,
        measure: measurePlan(training, input.totalSteps),
        adapter: files && readPromptAdapter(files, model),
      });
    case 'p-tuning':
      return pTuningMethod({
        config: method,
        model,
        modelName,
        seed,
        measure: measurePlan(training, input.totalSteps),
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
    case 'weightlora':
      return weightloraMethod({
        config: method,
        model,
        modelName,
        seed,
        totalSteps: input.totalSteps,
        learningRate: training.learning_rate,
        adapter: files && readLoraAdapter(files, moduleCatalog(model), tensorCatalog(model)),
        state: input.state,
      });
  }
}
