import type { BottleneckConfig } from '../../../src/common/config/schema';
import { problem } from '../../../src/common/errors';
import { moduleCatalog, type ModuleSpec } from '../model/catalog';
import type { ModelConfig } from '../model/config';
import type { Sublayer } from './method';

/** A tensor of one adapter. */
export interface AdapterTensor {
  /** The name in files of the `adapters` library, with the adapter called `default`. */
  readonly name: string;
  readonly shape: readonly number[];
}

/** One adapter and where it sits. */
export interface AdapterPlace {
  readonly block: number;
  readonly kind: Sublayer['kind'];
  /** The sublayer's last projection: `o_proj` or `c_proj` of attention, `down_proj` or `c_proj` of the MLP. */
  readonly module: ModuleSpec;
  /** Common beginning of the tensors' names. */
  readonly prefix: string;
  readonly tensors: readonly AdapterTensor[];
}

/** Name under which exports hold the adapter. */
export const adapterName = 'default';

export type Placement = BottleneckConfig['placement'];

/** Whether the adapter is a matrix that can be multiplied into the weights. */
export function isResidual(placement: Placement): boolean {
  return placement === 'residual_series' || placement === 'residual_parallel';
}

/** What `DoubleSeqBnConfig` and `SeqBnConfig` of the `adapters` library have where the config says nothing. */
export function nonLinearity(config: BottleneckConfig): NonNullable<BottleneckConfig['non_linearity']> {
  return config.non_linearity ?? (config.placement === 'pfeiffer' ? 'relu' : 'swish');
}

/** m = ⌊d / reduction_factor⌋, at least 1 (`BottleneckLayer.add_adapter` of the `adapters` library), or as asked for. */
export function bottleneckWidth(config: BottleneckConfig, hiddenSize: number): number {
  return config.bottleneck_size ?? Math.max(1, floorDivide(hiddenSize, config.reduction_factor));
}

/** Python's `//`: exact where the quotient of floats would round up to a whole number. */
export function floorDivide(a: number, b: number): number {
  return Math.round((a - (a % b)) / b);
}

/**
 * Every adapter in execution order.
 * @throws `method.leaveOut` for blocks the model does not have, or when none is left.
 */
export function adapterPlaces(config: BottleneckConfig, model: ModelConfig): AdapterPlace[] {
  const beyond = config.leave_out.find(block => block >= model.layers);
  if (beyond !== undefined)
    throw problem(
      'method.leaveOut',
      `method.leave_out names block ${beyond}, but the model has blocks 0 to ${model.layers - 1}.`,
      'Name only blocks the model has.',
    );
  const kinds: Sublayer['kind'][] = config.placement === 'pfeiffer' ? ['mlp'] : ['attention', 'mlp'];
  const blocks = Array.from({ length: model.layers }, (_, block) => block).filter(
    block => !config.leave_out.includes(block),
  );
  if (blocks.length === 0)
    throw problem(
      'method.leaveOut',
      'method.leave_out leaves out every block.',
      'Leave at least one block its adapters.',
    );
  const modules = moduleCatalog(model);
  return blocks.flatMap(block => kinds.map(kind => placeOf(config, model, lastProjection(modules, block, kind))));
}

interface Projection {
  readonly block: number;
  readonly kind: Sublayer['kind'];
  readonly module: ModuleSpec;
}

function lastProjection(modules: readonly ModuleSpec[], block: number, kind: Sublayer['kind']): Projection {
  const names = kind === 'attention' ? ['self_attn.o_proj', 'attn.c_proj'] : ['mlp.down_proj', 'mlp.c_proj'];
  const module = modules.find(one => one.block === block && names.some(name => one.path.endsWith(`.${name}`)));
  if (module) return { block, kind, module };
  throw problem('method.place', `Block ${block} has no ${kind} projection.`, 'This is a defect in a model module.');
}

function placeOf(config: BottleneckConfig, model: ModelConfig, projection: Projection): AdapterPlace {
  const { block, kind, module } = projection;
  const path = module.path.replace(/\.[^.]+\.[^.]+$/, '');
  const site = kind === 'attention' ? 'attention_adapters' : 'output_adapters';
  const prefix = `${path}.${site}.adapters.${adapterName}`;
  const d = model.hiddenSize;
  const m = bottleneckWidth(config, d);
  const tensor = (name: string, shape: readonly number[]): AdapterTensor => ({ name: `${prefix}.${name}`, shape });
  const tensors = isResidual(config.placement)
    ? [tensor('alpha.weight', [d, config.placement === 'residual_series' ? d : module.in])]
    : [
        tensor('adapter_down.0.weight', [m, d]),
        tensor('adapter_down.0.bias', [m]),
        tensor('adapter_up.weight', [d, m]),
        tensor('adapter_up.bias', [d]),
      ];
  return { block, kind, module, prefix, tensors };
}
