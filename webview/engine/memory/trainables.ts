import type { ParameterSpec } from '../graph/builder';
import { elements, type Tensor } from '../graph/tensor';
import { problem } from '../../../src/common/errors';
import { stepLayout } from '../runtime/kernel';
import { align, type LayoutBuilder, type Placement } from './layout';
import type { StreamPlan } from './streams';

/** Optimizer settings that a set of parameters shares. */
export type ParameterGroup = Pick<ParameterSpec, 'decay' | 'lrScale' | 'optimizer'>;

/** A contiguous stretch of one group in one buffer: one dispatch of the optimizer. All tensors have `[count]` elements. */
export interface TrainableRange {
  readonly group: number;
  readonly count: number;
  readonly parameter: Tensor;
  readonly gradient: Tensor;
  /** Absent where the host keeps them. */
  readonly moments?: { readonly m: Tensor; readonly v: Tensor };
  /** The parameters that lie in it, in order. */
  readonly members: readonly ParameterSpec[];
}

/** Gradient, first and second moment of a trained parameter. */
export interface Twins {
  readonly gradient: Tensor;
  readonly m: Tensor;
  readonly v: Tensor;
}

export interface Trainables {
  readonly specs: readonly ParameterSpec[];
  readonly groups: readonly ParameterGroup[];
  readonly ranges: readonly TrainableRange[];
  /** Stretches of gradients that the norm adds up. Where parameters and moments are does not change them, nor a bit of the sum. */
  readonly gradients: readonly Tensor[];
  /** By parameter id. The moments have no place on the device where the host keeps them. */
  readonly twins: ReadonlyMap<number, Twins>;
  /** Buffer indices of the gradients; cleared at the start of a window. */
  readonly gradientBuffers: readonly number[];
}

export interface TrainablesInput {
  readonly parameters: readonly ParameterSpec[];
  /** From the recorded training program, by parameter id. */
  readonly gradients: ReadonlyMap<number, Tensor>;
  /** The host keeps the moments. */
  readonly momentsOnHost: boolean;
  /** Trained weights that take turns have their place already. */
  readonly streams?: StreamPlan;
}

/**
 * Lays out trained parameters, their gradients and moments as arenas of one inner layout, sorted so that each
 * parameter group is contiguous: gradient norm and AdamW then need a dispatch per group, not per tensor. Padding
 * between tensors holds zeros in all of them and stays zero under AdamW.
 */
export function layOutTrainables(layout: LayoutBuilder, input: TrainablesInput): Trainables {
  const groups = groupsOf(input.parameters);
  const groupOf = (spec: ParameterSpec) => groups.findIndex(group => sameGroup(group, spec));
  const specs = input.parameters.filter(spec => spec.trainable).sort((a, b) => groupOf(a) - groupOf(b));
  let nextId = 50_000;
  const newId = () => nextId++;
  const twins = twinsFor(specs, input.gradients, newId);
  const context = {
    layout,
    groupOf,
    twinsOf: ({ tensor }: ParameterSpec) => twins.get(tensor.id) as Twins,
    newId,
    streams: input.streams,
  };
  const gradientBuffers = (['weights', 'adapter'] as const).flatMap(category => {
    const members = specs.filter(spec => spec.category === category);
    return layOutArenas(context, category, members, input.momentsOnHost);
  });
  const ranges = stretches(context, specs, true).map(stretch => rangeOf(context, stretch, !input.momentsOnHost));
  const gradients = stretches(context, specs, false).map(stretch => view(context, 'gradients', stretch, 'gradient'));
  return { specs, groups, ranges, gradients, twins, gradientBuffers };
}

function twinsFor(
  specs: readonly ParameterSpec[],
  gradients: ReadonlyMap<number, Tensor>,
  newId: () => number,
): ReadonlyMap<number, Twins> {
  const twin = (tensor: Tensor, name: string): Tensor => ({ ...tensor, id: newId(), name, role: 'state' });
  return new Map(
    specs.map(({ tensor }) => [
      tensor.id,
      {
        gradient: gradients.get(tensor.id) ?? { ...twin(tensor, `d_${tensor.name}`), role: 'gradient' as const },
        m: twin(tensor, `m_${tensor.name}`),
        v: twin(tensor, `v_${tensor.name}`),
      },
    ]),
  );
}

/** The arenas of one category: parameters that have no place yet, gradients, moments. Answers the buffers of gradients. */
function layOutArenas(
  { layout, twinsOf }: StretchContext,
  category: ParameterSpec['category'],
  members: readonly ParameterSpec[],
  momentsOnHost: boolean,
): number[] {
  const resident = members.map(({ tensor }) => tensor).filter(({ id }) => !layout.placements.has(id));
  layout.bump(`trained ${category}`, category, resident);
  const first = layout.buffers.length;
  const gradients = members.map(spec => twinsOf(spec).gradient);
  layout.bump('gradients', 'gradients', gradients);
  const buffers = Array.from({ length: layout.buffers.length - first }, (_, index) => first + index);
  if (momentsOnHost) return buffers;
  const beside = (pick: 'm' | 'v') => members.map(spec => [twinsOf(spec).gradient, twinsOf(spec)[pick]] as const);
  layout.mirror('first moments', 'optimizer', beside('m'));
  layout.mirror('second moments', 'optimizer', beside('v'));
  return buffers;
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

interface StretchContext {
  readonly layout: LayoutBuilder;
  readonly groupOf: (spec: ParameterSpec) => number;
  readonly twinsOf: (spec: ParameterSpec) => Twins;
  readonly newId: () => number;
  readonly streams: StreamPlan | undefined;
}

/** Neighbours in the arena of gradients. */
interface Stretch {
  readonly group: number;
  readonly members: ParameterSpec[];
  bytes: number;
}

/**
 * Merges neighbours of one group as long as one binding can hold them: gradients alone, or with `update` gradients and
 * parameters, which may lie in different buffers or take turns in one.
 */
function stretches(context: StretchContext, specs: readonly ParameterSpec[], update: boolean): Stretch[] {
  const { layout, groupOf, twinsOf, streams } = context;
  const unitOf = ({ tensor }: ParameterSpec) => streams?.unitOf.get(tensor.id);
  const placeOf = (tensor: Tensor) => layout.placements.get(tensor.id) as Placement;
  const follows = ([before, spec]: readonly Tensor[], bytes: number): boolean => {
    const [from, to] = [placeOf(before), placeOf(spec)];
    return from.buffer === to.buffer && to.offset - from.offset === bytes;
  };
  const found: Stretch[] = [];
  for (const spec of specs) {
    const last = found.at(-1);
    const bytes = align(elements(spec.tensor.shape) * 4);
    const joins =
      last?.group === groupOf(spec) &&
      last.bytes + bytes <= layout.limits.maxStorageBufferBindingSize &&
      follows([twinsOf(last.members[0]).gradient, twinsOf(spec).gradient], last.bytes) &&
      (!update ||
        (unitOf(last.members[0]) === unitOf(spec) && follows([last.members[0].tensor, spec.tensor], last.bytes)));
    if (last && joins) {
      last.members.push(spec);
      last.bytes += bytes;
    } else found.push({ group: groupOf(spec), members: [spec], bytes });
  }
  return found;
}

/** A tensor over what all members of a stretch have of one kind. */
function view(
  { layout, twinsOf, newId }: StretchContext,
  name: string,
  { members: [first], bytes, group }: Stretch,
  pick: keyof Twins | 'parameter',
): Tensor {
  const start = pick === 'parameter' ? first.tensor : twinsOf(first)[pick];
  const tensor: Tensor = { id: newId(), name: `${name} ${group}`, shape: [bytes / 4], dtype: 'f32', role: 'state' };
  layout.placements.set(tensor.id, { ...(layout.placements.get(start.id) as Placement), bytes });
  return tensor;
}

function rangeOf(context: StretchContext, stretch: Stretch, withMoments: boolean): TrainableRange {
  const { group, members, bytes } = stretch;
  return {
    group,
    count: bytes / 4,
    members,
    parameter: view(context, 'parameters', stretch, 'parameter'),
    gradient: view(context, 'gradients', stretch, 'gradient'),
    moments: withMoments ? { m: view(context, 'm', stretch, 'm'), v: view(context, 'v', stretch, 'v') } : undefined,
  };
}
