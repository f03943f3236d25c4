import type { AdaloraConfig } from '../../../src/common/config/schema';
import { normal, streamOf } from '../data/random';
import type { AdaloraAdapter } from '../formats/adaloraAdapter';
import { adaloraScale } from '../formats/adaloraFold';
import type { GraphBuilder, ParameterSpec } from '../graph/builder';
import { elements, type Tensor } from '../graph/tensor';
import type { TensorSpec } from '../model/catalog';
import type { ModelConfig } from '../model/config';
import { linear } from '../ops/linear';
import { loraLinear } from '../ops/loraLinear';
import { allocationAt, freezeStep, type BudgetSchedule } from './adaloraBudget';
import { exportTriplets } from './adaloraExport';
import { adaloraImportance } from './adaloraImportance';
import { modulesOf, readStructure, startStructure, type AdaloraModule, type AdaloraStructure } from './adaloraModules';
import { allocationStates, emitAfterUpdate, emitRegularization } from './adaloraUpdate';
import { alsoTrained, checkBase } from './alsoTrained';
import type { BaseLinear, EngineValues, Evolution, Method } from './method';

export interface AdaloraOptions {
  readonly config: AdaloraConfig;
  readonly model: ModelConfig;
  /** Written to `base_model_name_or_path`. */
  readonly modelName: string;
  readonly seed: number;
  /** Optimizer steps of the run, for the schedule unless the config has `total_step`. */
  readonly totalSteps: number;
  readonly adapter?: AdaloraAdapter;
  /** What a checkpoint says of the structure. */
  readonly state?: unknown;
}

/** What the parts of the method share. */
export interface AdaloraParts {
  readonly options: AdaloraOptions;
  readonly structure: AdaloraStructure;
  /** Every targeted module. */
  readonly all: readonly AdaloraModule[];
  /** Those that have triplets. */
  readonly live: readonly AdaloraModule[];
  /** Base tensors that train too. */
  readonly base: readonly TensorSpec[];
  /** alpha / (init_r + 1e-5), whatever is pruned. */
  readonly scale: number;
  readonly schedule: BudgetSchedule;
}

/**
 * AdaLoRA (Zhang et al., arXiv 2303.10512) as PEFT has it (`src/peft/tuners/adalora`): y = W x + b + s·B diag(E) A
 * dropout(x), an orthogonality term once per optimizer step, and after the update the singular values with the lowest
 * scores set to zero, as many as the cubic budget says. Pruned triplets keep A, B and their moments: until the choice is
 * final they train along and can return.
 *
 * When it is final the engine is rebuilt without the running averages, so that their memory is free.
 */
export function adaloraMethod(options: AdaloraOptions): Method {
  const { config, model, adapter, state } = options;
  return build(options, readStructure(state, config, model) ?? startStructure(config, model, adapter));
}

function build(options: AdaloraOptions, structure: AdaloraStructure): Method {
  const parts = partsOf(options, structure);
  const { live, schedule } = parts;
  const trained = new Set(parts.base.map(({ name }) => name));
  const byPath = new Map(live.map(module => [module.module.path, module]));
  const regularized = options.config.orth_reg_weight > 0;
  return {
    type: 'adalora',
    trainsBase: name => trained.has(name),
    linear: (graph, module, x, base) => {
      const target = byPath.get(module.path);
      return target ? adapted(graph, parts, target, { x, base }) : linear(graph, module.path, x, base);
    },
    initialValue: spec => options.adapter?.tensors.get(spec.tensor.name) ?? initialValue(spec, options.seed),
    startValue: name => options.adapter?.base.get(name),
    terms: regularized ? ['orthogonality'] : [],
    regularize: regularized ? recording => emitRegularization(recording, parts) : undefined,
    afterUpdate: recording => emitAfterUpdate(recording, parts),
    stepNumbers: step => {
      const { measures, prunes, masks } = allocationAt(schedule, step);
      return [measures ? 1 : 0, prunes, masks ? 1 : 0];
    },
    importance: recording => adaloraImportance(recording, parts),
    evolvesAt: step => !structure.frozen && step === freezeStep(schedule) && step < options.totalSteps,
    evolve: (_, values) => freeze(options, structure, values),
    state: () => structure,
    exportFiles: values => exportTriplets(parts, values),
  };
}

function partsOf(options: AdaloraOptions, structure: AdaloraStructure): AdaloraParts {
  const { config, model, totalSteps, adapter } = options;
  const all = modulesOf(config, model, structure);
  const paths = all.map(({ module }) => module.path);
  const base = alsoTrained(config, model, paths);
  if (adapter) checkBase(adapter.base, base);
  const live = all.filter(({ rank }) => rank > 0);
  const { tinit, tfinal, deltaT } = config;
  const schedule: BudgetSchedule = {
    initial: live.reduce((sum, { rank }) => sum + rank, 0),
    target: config.target_r * all.length,
    totalStep: config.total_step ?? totalSteps,
    tinit,
    tfinal,
    deltaT,
  };
  return { options, structure, all, live, base, scale: adaloraScale(config), schedule };
}

/** The final choice stays in `pruned`; sensitivity and uncertainty of single numbers are not needed any more. */
function freeze(options: AdaloraOptions, structure: AdaloraStructure, values: EngineValues): Evolution {
  const names = new Set<string>(Object.values(allocationStates));
  const states = new Map([...values.states].filter(([name]) => names.has(name)));
  return { method: build(options, { ...structure, frozen: true }), values: { ...values, states } };
}

interface Place {
  readonly x: Tensor;
  readonly base: BaseLinear;
}

function adapted(graph: GraphBuilder, parts: AdaloraParts, target: AdaloraModule, { x, base }: Place): Tensor {
  const { module, rank, nameA, nameB, nameE } = target;
  const options = { category: 'adapter', trainable: true } as const;
  return loraLinear(graph, module.path, x, base, {
    a: graph.parameter(nameA, [rank, module.in], options),
    b: graph.parameter(nameB, [module.out, rank], options),
    gate: graph.parameter(nameE, [rank, 1], options),
    scale: parts.scale,
    dropout: parts.options.config.lora_dropout,
    dropoutKey: streamOf(module.path),
  });
}

/** PEFT's `reset_lora_parameters`: E zero, so that step 0 is the base model; A and B from N(0, 0.02²). */
function initialValue({ tensor }: ParameterSpec, seed: number): Float32Array<ArrayBuffer> {
  const values = new Float32Array(elements(tensor.shape));
  if (tensor.name.endsWith('lora_E')) return values;
  const key = { seed, stream: streamOf(tensor.name) };
  return values.map((_, index) => 0.02 * normal(key, index));
}
