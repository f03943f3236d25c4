import type { LoraConfig } from '../../../src/common/config/schema';
import type { GraphBuilder, ParameterSpec } from '../graph/builder';
import type { Tensor } from '../graph/tensor';
import { normal, streamOf, uniform } from '../data/random';
import { checkContinues, type LoraAdapter } from '../formats/peftAdapter';
import { writeLoraAdapter } from '../formats/peftAdapterWriter';
import type { ModelConfig } from '../model/config';
import { linear } from '../ops/linear';
import { loraLinear } from '../ops/loraLinear';
import { adaptable, alsoTrained, checkBase } from './alsoTrained';
import { loraImportance } from './loraImportance';
import type { BaseLinear, Method } from './method';
import { selectTargets, type Target } from './targets';

export interface LoraOptions {
  readonly config: LoraConfig;
  readonly model: ModelConfig;
  /** Written to `base_model_name_or_path`. */
  readonly modelName: string;
  readonly seed: number;
  /** Adapter to continue; its tensors are the start values. */
  readonly adapter?: LoraAdapter;
}

/** A target with its scale and the names of its two tensors, as PEFT names them without the `base_model.model.` prefix. */
export interface LoraModule extends Target {
  readonly scale: number;
  readonly nameA: string;
  readonly nameB: string;
}

/**
 * LoRA (Hu et al., arXiv 2106.09685) with PEFT's conventions (`src/peft/tuners/lora/layer.py`):
 * y = W x + b + s · B A dropout(x), s = alpha / r, or alpha / √r with rsLoRA (arXiv 2312.03732). LoRA+
 * (arXiv 2402.12354) trains B at `loraplus_lr_ratio` times the rate of A.
 */
export function loraMethod(options: LoraOptions): Method {
  const { config, model, seed } = options;
  const modules = loraModules(config, model);
  if (options.adapter) checkContinues(options.adapter, modules, config.use_rslora);
  const base = alsoTrained(
    config,
    model,
    modules.map(({ module }) => module.path),
  );
  if (options.adapter) checkBase(options.adapter.base, base);
  const trained = new Set(base.map(({ name }) => name));
  const byPath = new Map(modules.map(module => [module.module.path, module]));
  return {
    type: 'lora',
    trainsBase: name => trained.has(name),
    linear: (graph, module, x, base) => {
      const target = byPath.get(module.path);
      if (!target) return linear(graph, module.path, x, base);
      return adapted(graph, { target, config, x, base });
    },
    initialValue: spec => options.adapter?.tensors.get(spec.tensor.name) ?? initialValue(spec, config, seed),
    startValue: name => options.adapter?.base.get(name),
    importance: recording => loraImportance(recording, modules),
    exportFiles: values =>
      writeLoraAdapter({ config, model, modelName: options.modelName, targets: modules, base, tensors: values }),
  };
}

/** Which modules get an adapter, and how strong; modules that train as a whole get none, as in PEFT. Throws what `selectTargets` throws when nothing matches. */
export function loraModules(config: LoraConfig, model: ModelConfig): LoraModule[] {
  return selectTargets(adaptable(model, config), config).targets.map(target => ({
    ...target,
    scale: target.alpha / (config.use_rslora ? Math.sqrt(target.rank) : target.rank),
    nameA: `${target.module.path}.lora_A.weight`,
    nameB: `${target.module.path}.lora_B.weight`,
  }));
}

interface Adapted {
  readonly target: LoraModule;
  readonly config: LoraConfig;
  readonly x: Tensor;
  readonly base: BaseLinear;
}

function adapted(graph: GraphBuilder, { target, config, x, base }: Adapted): Tensor {
  const { module, rank, scale, nameA, nameB } = target;
  const a = graph.parameter(nameA, [rank, module.in], { category: 'adapter', trainable: true });
  const b = graph.parameter(nameB, [module.out, rank], {
    category: 'adapter',
    trainable: true,
    lrScale: config.loraplus_lr_ratio ?? 1,
  });
  const adapter = { a, b, scale, dropout: config.lora_dropout, dropoutKey: streamOf(module.path) };
  return loraLinear(graph, module.path, x, base, adapter);
}

/** PEFT's `reset_lora_parameters`: A from U(±1/√in) (Kaiming with a = √5) or N(0, 1/r²); B zero, or random for tests. */
function initialValue(spec: ParameterSpec, config: LoraConfig, seed: number): Float32Array<ArrayBuffer> {
  const { name, shape } = spec.tensor;
  const values = new Float32Array(shape[0] * shape[1]);
  const isB = name.endsWith('lora_B.weight');
  if (isB && config.init_lora_weights !== false) return values;
  const key = { seed, stream: streamOf(name) };
  const bound = 1 / Math.sqrt(shape[1]);
  const gaussian = config.init_lora_weights === 'gaussian';
  for (let i = 0; i < values.length; i++)
    values[i] = gaussian ? normal(key, i) / shape[0] : (2 * uniform(key, i) - 1) * bound;
  return values;
}
