import { problem } from '../../../src/common/errors';
import type { Emitter } from '../graph/node';
import { elements, type Tensor } from '../graph/tensor';
import { f32, grid1d, type Kernel, type Profile } from '../runtime/kernel';
import { clipScale } from './adamw';
import { groupSize, kernelOf, rowShape } from './kernelSource';

/** One factor of a module's triplets, with its running averages: A [r, in], B [out, r] or E [r, 1]. */
export interface ScoredFactor {
  readonly parameter: Tensor;
  readonly gradient: Tensor;
  /** [elements, 2]: smoothed sensitivity and uncertainty of each element. */
  readonly averages: Tensor;
  readonly kind: 'A' | 'B' | 'E';
}

/** Where the triplets of a module stand among all: `triplets` [3, total] holds sensitivities, uncertainties, scores. */
export interface TripletPlace {
  readonly triplets: Tensor;
  readonly first: number;
  readonly rank: number;
}

export interface Smoothing {
  /** `scalars[1]` holds Σg² over everything that is trained. */
  readonly scalars: Tensor;
  readonly beta1: number;
  readonly beta2: number;
}

/**
 * After an update, for each element with I = |p·g| (g as clipped): Ī ← β1·Ī + (1−β1)·I, U ← β2·U + (1−β2)·|I − Ī|,
 * score Ī·U; per triplet the mean of each over the factor's elements, written by the first factor of `factors` and added
 * by the others (PEFT's `RankAllocator.update_ipt` and `mask_to_budget`). Runs where `step.method[0].x` is not 0. A
 * gradient that is not finite changes nothing.
 */
export function emitSensitivity(
  emit: Emitter,
  factors: readonly ScoredFactor[],
  { triplets, first, rank }: TripletPlace,
  { scalars, beta1, beta2 }: Smoothing,
): void {
  const total = elements(triplets.shape) / 3;
  const kernel = sensitivityKernel(emit.profile);
  const grid = grid1d(rowShape(emit.profile).invocations(rank), groupSize);
  factors.forEach(({ parameter, gradient, averages, kind }, index) => {
    const length = elements(parameter.shape) / rank;
    if (!Number.isInteger(length) || elements(averages.shape) !== 2 * elements(parameter.shape))
      throw problem('graph.triplets', `${parameter.name} does not hold ${rank} triplets.`, 'This is a defect.');
    const [vector, element] = kind === 'B' ? [1, rank] : [length, 1];
    const rates = [f32(beta1), f32(1 - beta1), f32(beta2), f32(1 - beta2)];
    const words = [rank, length, vector, element, first, total, index > 0 ? 1 : 0, ...rates];
    emit.dispatch(kernel, [parameter, gradient, averages, triplets, scalars], words, grid);
  });
}

/** Lanes meet at barriers, so an invocation may not leave early on what it reads from storage. */
function sensitivityKernel(profile: Profile): Kernel {
  const shape = rowShape(profile);
  const store = (line: number, value: string) =>
    `    let at${line} = ${line}u * p.total + p.first + row;
    triplets[at${line}] = ${value} / f32(p.length) + select(0.0, triplets[at${line}], p.adds != 0u);`;
  return kernelOf(`sensitivity${shape.suffix}`, () => ({
    storage: {
      parameter: 'array<f32>',
      gradient: 'array<f32>',
      averages: 'array<vec2<f32>>',
      triplets: 'array<f32>',
      scalars: 'array<f32>',
    },
    params: {
      rows: 'u32',
      length: 'u32',
      vector: 'u32',
      element: 'u32',
      first: 'u32',
      total: 'u32',
      adds: 'u32',
      beta1: 'f32',
      rise1: 'f32',
      beta2: 'f32',
      rise2: 'f32',
    },
    declarations: shape.declarations,
    step: true,
    main: `${shape.enter}
  if (step.method[0].x == 0.0) { return; }
  let squares = scalars[1];
  let finite = (bitcast<u32>(squares) & 0x7f800000u) != 0x7f800000u;
${clipScale}
  var sums = vec3<f32>();
  for (var k = lane; k < p.length && finite; k += LANES) {
    let at = row * p.vector + k * p.element;
    let now = abs(parameter[at] * (gradient[at] * clip));
    let mean = p.beta1 * averages[at].x + p.rise1 * now;
    let spread = p.beta2 * averages[at].y + p.rise2 * abs(now - mean);
    averages[at] = vec2<f32>(mean, spread);
    sums += vec3<f32>(mean, spread, mean * spread);
  }
  let sensitivity = row_sum(sums.x, lane);
  let uncertainty = row_sum(sums.y, lane);
  let score = row_sum(sums.z, lane);
  if (lane == 0u && finite) {
${store(0, 'sensitivity')}
${store(1, 'uncertainty')}
${store(2, 'score')}
  }`,
  }));
}
