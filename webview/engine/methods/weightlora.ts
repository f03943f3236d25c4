import type { WeightloraConfig } from '../../../src/common/config/schema';
import type { FileSet } from '../../../src/common/run/events';
import { problem } from '../../../src/common/errors';
import { streamOf, uniform } from '../data/random';
import { checkContinues, type LoraAdapter } from '../formats/peftAdapter';
import { plainLora, writeLoraAdapter } from '../formats/peftAdapterWriter';
import type { GraphBuilder, ParameterSpec } from '../graph/builder';
import type { Tensor } from '../graph/tensor';
import type { TensorSpec } from '../model/catalog';
import type { ModelConfig } from '../model/config';
import { linear } from '../ops/linear';
import { loraLinear } from '../ops/loraLinear';
import { adaptable, alsoTrained, checkBase } from './alsoTrained';
import type { BaseLinear, EngineValues, Evolution, Method, TensorValues } from './method';
import { selectTargets, type Target } from './targets';
import { growRank } from './weightloraGrowth';
import { emitWeightloraSelection, keptState, weightloraImportance } from './weightloraSelection';
import { weightloraSchedule, type WeightloraSchedule } from './weightloraSchedule';
import { readStructure, type WeightloraStructure } from './weightloraStructure';

export interface WeightloraOptions {
  readonly config: WeightloraConfig;
  readonly model: ModelConfig;
  /** Written to `base_model_name_or_path`. */
  readonly modelName: string;
  readonly seed: number;
  readonly totalSteps: number;
  /** Peak rate of A and B; that of ω is a multiple of it. */
  readonly learningRate: number;
  readonly adapter?: LoraAdapter;
  /** What a checkpoint says of the structure. */
  readonly state?: unknown;
}

/** An adapter with the names of its tensors: A [rank, in], B [out, rank], ω [1]. */
export interface WeightloraModule extends Target {
  readonly nameA: string;
  readonly nameB: string;
  readonly nameW: string;
}

/** What the parts of the method share. */
export interface WeightloraParts {
  readonly options: WeightloraOptions;
  /** Every module that had an adapter at the start. */
  readonly all: readonly WeightloraModule[];
  /** Those that have one now. */
  readonly live: readonly WeightloraModule[];
  /** Base tensors that train too. */
  readonly base: readonly TensorSpec[];
  readonly structure: WeightloraStructure;
  readonly schedule: WeightloraSchedule;
  /** alpha / r at the start; growth does not change it. */
  readonly scale: number;
}

/**
 * WeightLoRA and WeightLoRA+ (arXiv 2506.02724; brain-mmo-lab/WLoRA, `peft/src/peft/tuners/weight_lora/layer.py` and
 * `src/optimizers.py`): y = W x + b + ω·s·B A dropout(x) with one trained ω per module, from 1. AdamW trains A and B, SGD
 * trains ω and a selection keeps the best of them. A and B start as PEFT's LoRA does (the authors draw A from
 * U(±1/√r), which is larger).
 */
export function weightloraMethod(options: WeightloraOptions): Method {
  return build(partsOf(options, readStructure(options.state)));
}

function partsOf(options: WeightloraOptions, found: WeightloraStructure | undefined): WeightloraParts {
  const { config, model, totalSteps } = options;
  const targets = selectTargets(adaptable(model, config), { ...config, rank_pattern: {}, alpha_pattern: {} }).targets;
  const all = targets.map(target => ({
    ...target,
    nameA: `${target.module.path}.lora_A.weight`,
    nameB: `${target.module.path}.lora_B.weight`,
    nameW: `${target.module.path}.lora_w`,
  }));
  const base = alsoTrained(
    config,
    model,
    all.map(({ module }) => module.path),
  );
  if (options.adapter) {
    checkContinues(options.adapter, all, false);
    checkBase(options.adapter.base, base);
  }
  const structure = found ?? { kept: all.map(({ module }) => module.path), rank: config.r, frozen: false };
  const live = all.filter(({ module }) => structure.kept.includes(module.path));
  if (live.length !== structure.kept.length)
    throw problem(
      'checkpoint.method',
      'The checkpoint keeps adapters of modules that this config does not adapt.',
      'Resume with the config of that run.',
    );
  const schedule = weightloraSchedule(config, all.length, totalSteps);
  return { options, all, live, base, structure, schedule, scale: config.lora_alpha / config.r };
}

function build(parts: WeightloraParts): Method {
  const { options, live, schedule, structure } = parts;
  const byPath = new Map(live.map(module => [module.module.path, module]));
  const trained = new Set(parts.base.map(({ name }) => name));
  const selecting = !structure.frozen && options.config.growth === 'none';
  return {
    type: 'weightlora',
    trainsBase: name => trained.has(name),
    linear: (graph, module, x, base) => {
      const target = byPath.get(module.path);
      return target ? adapted(graph, parts, { target, x, base }) : linear(graph, module.path, x, base);
    },
    initialValue: spec => options.adapter?.tensors.get(spec.tensor.name) ?? initialValue(spec, options.seed),
    startValue: name => options.adapter?.base.get(name),
    clock: schedule.clock,
    stepNumbers: step => [selecting && schedule.selectsAt(step) ? 1 : 0],
    afterUpdate: recording => {
      if (selecting) emitWeightloraSelection(recording, parts);
    },
    importance: recording => weightloraImportance(recording, parts),
    evolvesAt: step => (selecting && schedule.freezesAt(step)) || schedule.growsAt(step),
    evolve: (_, values) => (selecting ? freeze(parts, values) : grow(parts, values)),
    state: () => structure,
    exportFiles: values => exportFiles(parts, values),
  };
}

interface Adapted {
  readonly target: WeightloraModule;
  readonly x: Tensor;
  readonly base: BaseLinear;
}

function adapted(graph: GraphBuilder, { options, structure, scale }: WeightloraParts, site: Adapted): Tensor {
  const { target, x, base } = site;
  const { config, learningRate } = options;
  const { module, nameA, nameB, nameW } = target;
  const trained = { category: 'adapter', trainable: true } as const;
  const a = graph.parameter(nameA, [structure.rank, module.in], trained);
  const b = graph.parameter(nameB, [module.out, structure.rank], trained);
  const lrScale = config.lr_w / learningRate;
  const gate = graph.parameter(nameW, [1], { ...trained, decay: false, optimizer: 'sgd', lrScale });
  const dropoutKey = streamOf(module.path);
  return loraLinear(graph, module.path, x, base, { a, b, gate, scale, dropout: config.lora_dropout, dropoutKey });
}

function initialValue(spec: ParameterSpec, seed: number): Float32Array<ArrayBuffer> {
  const { name, shape } = spec.tensor;
  if (name.endsWith('lora_w')) return Float32Array.of(1);
  const values = new Float32Array(shape[0] * shape[1]);
  if (name.endsWith('lora_B.weight')) return values;
  const key = { seed, stream: streamOf(name) };
  const bound = 1 / Math.sqrt(shape[1]);
  return values.map((_, index) => (2 * uniform(key, index) - 1) * bound);
}

/** The last selection becomes final. */
function freeze(parts: WeightloraParts, values: EngineValues): Evolution {
  const mask = values.states.get(keptState);
  const kept = parts.live.filter((_, index) => mask?.[index] !== 0);
  return evolution(parts, kept, { ...values, states: new Map() }, parts.structure.rank, true);
}

/**
 * The better half by ω stays, as far as it is positive, and doubles its rank. Adam's moments restart, those of whole modules
 * and biases too: one step count serves all.
 */
function grow(parts: WeightloraParts, { parameters }: EngineValues): Evolution {
  const { all, live, structure, options } = parts;
  const { growth } = options.config;
  const omega = (module: WeightloraModule): number => parameters.get(module.nameW)?.[0] ?? 0;
  const best = [...live].sort((x, y) => omega(y) - omega(x)).slice(0, Math.max(1, live.length >> 1));
  const kept = live.filter(module => best.includes(module) && omega(module) > 0);
  const ofAdapters = new Set(all.flatMap(({ nameA, nameB, nameW }) => [nameA, nameB, nameW]));
  const grown = new Map([...parameters].filter(([name]) => !ofAdapters.has(name)));
  for (const module of kept) {
    const [a, b] = [module.nameA, module.nameB].map(name => parameters.get(name) ?? new Float32Array());
    const how = growth === 'dummy' ? 'dummy' : 'smart';
    const name = `${module.module.path} ${structure.rank}`;
    const next = growRank({ a, b, rank: structure.rank }, { how, seed: options.seed, name });
    grown
      .set(module.nameA, next.a)
      .set(module.nameB, next.b)
      .set(module.nameW, Float32Array.of(omega(module)));
  }
  const values = { parameters: grown, m: new Map(), v: new Map(), states: new Map() };
  return evolution(parts, kept, values, 2 * structure.rank, structure.frozen);
}

function evolution(
  { options }: WeightloraParts,
  kept: readonly WeightloraModule[],
  values: EngineValues,
  rank: number,
  frozen: boolean,
): Evolution {
  if (kept.length === 0)
    throw problem(
      'weightlora.nothing',
      'No adapter has a positive ω, so that the selection would keep none.',
      'Lower method.lr_w, and resume from the last checkpoint.',
    );
  const structure = { kept: kept.map(({ module }) => module.path), rank, frozen };
  return { method: build(partsOf(options, structure)), values };
}

/** Plain LoRA: B' = ω·B, without the modules whose ω is 0. */
function exportFiles({ options, live, base, structure, scale }: WeightloraParts, values: TensorValues): FileSet {
  const { config, model, modelName } = options;
  const omega = (module: WeightloraModule): number => values.get(module.nameW)?.[0] ?? 0;
  const kept = live.filter(module => omega(module) !== 0);
  const tensors = new Map(values);
  for (const module of kept)
    tensors.set(
      module.nameB,
      (values.get(module.nameB) ?? new Float32Array()).map(value => value * omega(module)),
    );
  const { rank } = structure;
  const alpha = scale * rank;
  return writeLoraAdapter({
    config: {
      ...plainLora({ rank, alpha, dropout: config.lora_dropout, modules: kept.map(({ module }) => module.path) }),
      modules_to_save: config.modules_to_save,
      bias: config.bias,
    },
    base,
    model,
    modelName,
    targets: kept.map(target => ({ ...target, rank, alpha })),
    tensors,
  });
}
