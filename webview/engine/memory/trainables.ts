import type { ParameterSpec } from '../graph/builder';
import { elements, type Tensor } from '../graph/tensor';
import { problem } from '../../../src/common/errors';
import { stepLayout } from '../runtime/kernel';
import { align, type LayoutBuilder, type Placement } from './layout';

/** Optimizer settings that a set of parameters shares. */
export type ParameterGroup = Pick<ParameterSpec, 'decay' | 'lrScale' | 'optimizer'>;

/** A contiguous stretch of one group in one buffer: one dispatch of the optimizer. All four tensors have `[count]` elements. */
export interface TrainableRange {
  readonly group: number;
  readonly count: number;
  readonly parameter: Tensor;
  readonly gradient: Tensor;
  readonly m: Tensor;
  readonly v: Tensor;
}

export interface Trainables {
  readonly specs: readonly ParameterSpec[];
  readonly groups: readonly ParameterGroup[];
  readonly ranges: readonly TrainableRange[];
  /** Gradient, first and second moment of each trained parameter, by parameter id. */
  readonly twins: ReadonlyMap<number, { readonly gradient: Tensor; readonly m: Tensor; readonly v: Tensor }>;
  /** Buffer indices of the gradients; cleared at the start of a window. */
  readonly gradientBuffers: readonly number[];
}

/**
 * Lays out trained parameters, their gradients and moments as four arenas of one inner layout, sorted so that each
 * parameter group is contiguous: gradient norm and AdamW then need a dispatch per group, not per tensor. Padding
 * between tensors holds zeros in all four and stays zero under AdamW.
 */
export function layOutTrainables(
  layout: LayoutBuilder,
  parameters: readonly ParameterSpec[],
  gradients: ReadonlyMap<number, Tensor>,
): Trainables {
  const groups = groupsOf(parameters);
  const groupOf = (spec: ParameterSpec) => groups.findIndex(group => sameGroup(group, spec));
  const specs = parameters.filter(spec => spec.trainable).sort((a, b) => groupOf(a) - groupOf(b));
  let nextId = 50_000;
  const twin = (tensor: Tensor, name: string): Tensor => ({ ...tensor, id: nextId++, name, role: 'state' });
  const twins = new Map(
    specs.map(({ tensor }) => [
      tensor.id,
      {
        gradient: gradients.get(tensor.id) ?? { ...twin(tensor, `d_${tensor.name}`), role: 'gradient' as const },
        m: twin(tensor, `m_${tensor.name}`),
        v: twin(tensor, `v_${tensor.name}`),
      },
    ]),
  );
  const gradientBuffers: number[] = [];
  for (const category of ['weights', 'adapter'] as const) {
    const members = specs.filter(spec => spec.category === category).map(spec => spec.tensor);
    layout.bump(`trained ${category}`, category, members);
    const pairs = (pick: 'gradient' | 'm' | 'v') =>
      members.map(
        tensor => [tensor, (twins.get(tensor.id) as { gradient: Tensor; m: Tensor; v: Tensor })[pick]] as const,
      );
    const first = layout.buffers.length;
    layout.mirror('gradients', 'gradients', pairs('gradient'));
    for (let index = first; index < layout.buffers.length; index++) gradientBuffers.push(index);
    layout.mirror('first moments', 'optimizer', pairs('m'));
    layout.mirror('second moments', 'optimizer', pairs('v'));
  }
  const ranges = rangesOf(layout, specs, groupOf, twins, () => nextId++);
  return { specs, groups, ranges, twins, gradientBuffers };
}

function groupsOf(parameters: readonly ParameterSpec[]): ParameterGroup[] {
  const groups: ParameterGroup[] = [];
  for (const spec of parameters) {
    const { decay, lrScale, optimizer } = spec;
    if (spec.trainable && !groups.some(group => sameGroup(group, spec))) groups.push({ decay, lrScale, optimizer });
  }
  if (groups.length > stepLayout.mostGroups)
    throw problem(
      'memory.groups',
      `The method trains ${groups.length} groups of parameters with rates of their own; ${stepLayout.mostGroups} are possible.`,
      'Give fewer modules a learning rate of their own.',
    );
  return groups;
}

function sameGroup(a: ParameterGroup, b: ParameterGroup): boolean {
  return a.decay === b.decay && a.lrScale === b.lrScale && a.optimizer === b.optimizer;
}

interface OpenRange {
  readonly first: ParameterSpec;
  readonly group: number;
  readonly place: Placement;
  end: number;
}

/** Merges neighbours of one group and buffer, as long as one binding can hold them. */
function rangesOf(
  layout: LayoutBuilder,
  specs: readonly ParameterSpec[],
  groupOf: (spec: ParameterSpec) => number,
  twins: Trainables['twins'],
  nextId: () => number,
): TrainableRange[] {
  const open: OpenRange[] = [];
  for (const spec of specs) {
    const place = layout.placements.get(spec.tensor.id) as Placement;
    const end = place.offset + align(elements(spec.tensor.shape) * 4);
    const last = open.at(-1);
    const joins =
      last !== undefined &&
      last.group === groupOf(spec) &&
      last.place.buffer === place.buffer &&
      end - last.place.offset <= layout.limits.maxStorageBufferBindingSize;
    if (joins) last.end = end;
    else open.push({ first: spec, group: groupOf(spec), place, end });
  }
  return open.map(({ first, group, place, end }) => {
    const bytes = end - place.offset;
    const twin = twins.get(first.tensor.id) as { gradient: Tensor; m: Tensor; v: Tensor };
    const range = (of: Tensor, name: string): Tensor => {
      const tensor: Tensor = { id: nextId(), name, shape: [bytes / 4], dtype: 'f32', role: 'state' };
      layout.placements.set(tensor.id, { ...(layout.placements.get(of.id) as Placement), bytes });
      return tensor;
    };
    return {
      group,
      count: bytes / 4,
      parameter: range(first.tensor, `parameters ${group}`),
      gradient: range(twin.gradient, `gradients ${group}`),
      m: range(twin.m, `m ${group}`),
      v: range(twin.v, `v ${group}`),
    };
  });
}
