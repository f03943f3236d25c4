import type { RunEvent, Timeline, TimelinePoint, TimelineTensor } from './events';

type TimelineEvent = Extract<RunEvent, { type: 'timeline' }>;

/** By number in a line. */
const phases = ['forward', 'recompute', 'backward', 'optimizer'] as const satisfies readonly TimelinePoint['phase'][];
const categories = ['activations', 'workspace'] as const satisfies readonly TimelineTensor['category'][];

/** A point as a line of the log has it: number of the phase and of the operation, activations, workspace. */
type PackedPoint = readonly [number, number, number, number];
/** A tensor likewise: name, number of the category, bytes, first and last dispatch. */
type PackedTensor = readonly [string, number, number, number, number];

export interface TimelineLine extends Omit<TimelineEvent, 'points' | 'tensors'> {
  readonly ops: readonly string[];
  readonly points: readonly PackedPoint[];
  readonly tensors?: readonly PackedTensor[];
}

/**
 * A timeline as it is written: thousands of points name some hundreds of operations, so `ops` names each of them once, and
 * points and tensors are lists.
 */
export function packTimeline({ points, tensors, ...rest }: TimelineEvent): TimelineLine {
  const numbers = new Map<string, number>();
  const numberOf = (op: string): number => {
    const known = numbers.get(op) ?? numbers.size;
    numbers.set(op, known);
    return known;
  };
  const packed = points.map(({ phase, op, activations, workspace }): PackedPoint => [
    phases.indexOf(phase),
    numberOf(op),
    activations,
    workspace,
  ]);
  const line = { ...rest, ops: [...numbers.keys()], points: packed };
  return tensors ? { ...line, tensors: tensors.map(packTensor) } : line;
}

function packTensor({ name, category, bytes, first, last }: TimelineTensor): PackedTensor {
  return [name, categories.indexOf(category), bytes, first, last];
}

/**
 * Points and tensors of a line, or `undefined` when they are none. A line without `ops` has points that are objects, and
 * no tensors.
 */
export function unpackTimeline(
  line: Readonly<Record<string, unknown>>,
): Pick<Timeline, 'points' | 'tensors'> | undefined {
  const { points, ops, tensors = [] } = line;
  if (!Array.isArray(points)) return undefined;
  if (ops === undefined) return { points: points as readonly TimelinePoint[] };
  if (!Array.isArray(ops) || !Array.isArray(tensors)) return undefined;
  const readPoints = points.map(point => pointOf(point, ops)).filter(point => point !== undefined);
  const readTensors = tensors.map(tensorOf).filter(tensor => tensor !== undefined);
  if (readPoints.length < points.length || readTensors.length < tensors.length) return undefined;
  return line.tensors === undefined ? { points: readPoints } : { points: readPoints, tensors: readTensors };
}

function pointOf(value: unknown, ops: readonly unknown[]): TimelinePoint | undefined {
  const numbers = listOf(value, 4);
  if (!numbers?.every(one => typeof one === 'number')) return undefined;
  const [phase, op, activations, workspace] = numbers;
  const name = ops[op];
  if (!(phase in phases) || typeof name !== 'string') return undefined;
  return { phase: phases[phase], op: name, activations, workspace };
}

function tensorOf(value: unknown): TimelineTensor | undefined {
  const [name, ...numbers] = listOf(value, 5) ?? [];
  if (typeof name !== 'string' || !numbers.every(one => typeof one === 'number')) return undefined;
  const [category, bytes, first, last] = numbers;
  return category in categories ? { name, category: categories[category], bytes, first, last } : undefined;
}

function listOf(value: unknown, length: number): readonly unknown[] | undefined {
  return Array.isArray(value) && value.length === length ? value : undefined;
}
