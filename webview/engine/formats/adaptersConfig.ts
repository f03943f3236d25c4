import type { BottleneckConfig } from '../../../src/common/config/schema';
import { problem } from '../../../src/common/errors';
import { describe, field, isObject, parseJsonObject, positiveField, stringField, type JsonObject } from './jsonFields';

/** The parts of an `adapter_config.json` of the `adapters` library that decide what its tensors mean. */
export interface AdaptersConfig {
  /** Name of the adapter within the keys of its tensors. */
  readonly name: string;
  readonly placement: BottleneckConfig['placement'];
  readonly non_linearity?: NonNullable<BottleneckConfig['non_linearity']>;
  readonly reduction_factor: number;
  readonly leave_out: readonly number[];
}

export const adaptersPlace = {
  code: 'adapter.config',
  label: 'adapter_config.json',
  hint: 'Use a bottleneck adapter folder as the adapters library saves it.',
};

/** Value of `config.architecture` for Rebuffi's adapters, which the library does not have. */
export const residualArchitecture = 'residual_adapter';

/** Keys of `BnConfig` that change what a trained adapter computes, with the only values that are computed here. */
const required: Readonly<Record<string, readonly unknown[]>> = {
  original_ln_after: [true],
  ln_before: [false],
  ln_after: [false],
  is_parallel: [false],
  scaling: [1],
  use_gating: [false],
  inv_adapter: [undefined],
  phm_layer: [false],
};

/**
 * Reads an `adapter_config.json` of the `adapters` library (`BnConfig`, `configuration/adapter_config.py`).
 * @throws `adapter.type` for PEFT and other adapters, `adapter.variant` for bottlenecks the engine does not compute.
 */
export function parseAdaptersConfig(text: string): AdaptersConfig {
  const object = parseJsonObject(text, adaptersPlace);
  const config = field(object, 'config');
  if (!isObject(config)) throw otherType(object);
  const name = stringField(object, 'name', adaptersPlace, 'default');
  const leave_out = blockList(config);
  const architecture = field(config, 'architecture');
  if (architecture === residualArchitecture)
    return { name, placement: residualPlacement(config), reduction_factor: 1, leave_out };
  if (architecture !== undefined)
    throw variant('config.architecture', architecture, 'Only bottleneck adapters can be continued here.');
  const placement = placementOf(config);
  for (const [key, values] of Object.entries(required)) {
    const value = field(config, key) ?? (values[0] === undefined ? undefined : values[0]);
    if (!values.includes(value)) throw variant(`config.${key}`, value, `It must be ${String(values[0])}.`);
  }
  return {
    name,
    placement,
    non_linearity: nonLinearityOf(config),
    reduction_factor: positiveField(config, 'reduction_factor', adaptersPlace, NaN),
    leave_out,
  };
}

function otherType(object: JsonObject) {
  const type = field(object, 'peft_type');
  const found = type === undefined ? 'has no config object' : `has peft_type ${describe(type)}`;
  return problem('adapter.type', `adapter_config.json ${found}; it is no bottleneck adapter.`, adaptersPlace.hint);
}

function variant(key: string, value: unknown, why: string) {
  return problem(
    'adapter.variant',
    `adapter_config.json: ${key} is ${describe(value)}, which is not supported. ${why}`,
    'Use an adapter of the configurations double_seq_bn or seq_bn.',
  );
}

/**
 * `double_seq_bn` or `seq_bn`. Without `original_ln_before` the adapter reads f; with it h + f, and `residual_before_ln`
 * true is what adds f and not h + f a second time (`Adapter.pre_forward`, `methods/modeling.py`).
 */
function placementOf(config: JsonObject): BottleneckConfig['placement'] {
  const flag = (key: string, fallback: boolean) => field(config, key) ?? fallback;
  const attention = flag('mh_adapter', false);
  if (flag('output_adapter', false) !== true)
    throw variant('config.output_adapter', false, 'Adapters after attention alone are not built here.');
  const readsSum = flag('original_ln_before', false);
  if (attention === true && readsSum === false) return 'houlsby';
  if (attention === false && readsSum === true && flag('residual_before_ln', true) === true) return 'pfeiffer';
  const keys = ['mh_adapter', 'original_ln_before', 'residual_before_ln'];
  const found = keys.map(key => `${key} ${describe(flag(key, key === 'residual_before_ln'))}`).join(', ');
  throw problem(
    'adapter.variant',
    `adapter_config.json places adapters in a way that is not supported: ${found}.`,
    'Use an adapter of the configurations double_seq_bn or seq_bn.',
  );
}

function nonLinearityOf(config: JsonObject): NonNullable<BottleneckConfig['non_linearity']> {
  const name = stringField(config, 'non_linearity', adaptersPlace, 'none').toLowerCase();
  if (name === 'relu' || name === 'gelu' || name === 'swish') return name;
  if (name === 'silu') return 'swish';
  throw variant('config.non_linearity', name, 'It must be gelu, relu or swish.');
}

function residualPlacement(config: JsonObject): BottleneckConfig['placement'] {
  const placement = stringField(config, 'placement', adaptersPlace, 'none');
  if (placement === 'residual_series' || placement === 'residual_parallel') return placement;
  throw variant('config.placement', placement, 'It must be residual_series or residual_parallel.');
}

function blockList(config: JsonObject): number[] {
  const value = field(config, 'leave_out') ?? [];
  if (Array.isArray(value) && value.every((block): block is number => Number.isInteger(block) && block >= 0))
    return value;
  throw problem(
    adaptersPlace.code,
    'adapter_config.json: config.leave_out must be a list of block numbers.',
    adaptersPlace.hint,
  );
}
