import type { Tensor } from '../graph/tensor';
import { emitOrthogonality } from '../ops/orthogonality';
import { emitAllocation, emitTripletMask } from '../ops/tripletMask';
import { emitSensitivity } from '../ops/tripletScores';
import type { AdaloraParts } from './adalora';
import type { AdaloraModule } from './adaloraModules';
import { termScalar, type MethodRecorder } from './method';

/** States that stay to the end: per triplet its scores [3, n], and 1 where it is pruned [n]. */
export const allocationStates = { triplets: 'adalora.triplets', pruned: 'adalora.pruned' } as const;

/** The three tensors of a module with their gradients. */
export interface TripletTensors {
  readonly a: Tensor;
  readonly b: Tensor;
  readonly e: Tensor;
  readonly gradient: (tensor: Tensor) => Tensor;
}

/** Looks the tensors of modules up among what is trained. */
export function tripletLookup({ trainables }: MethodRecorder): (module: AdaloraModule) => TripletTensors {
  const byName = new Map(trainables.specs.map(({ tensor }) => [tensor.name, tensor]));
  const find = (name: string) => byName.get(name) as Tensor;
  const gradient = (tensor: Tensor) => (trainables.twins.get(tensor.id) as { gradient: Tensor }).gradient;
  return ({ nameA, nameB, nameE }) => ({ a: find(nameA), b: find(nameB), e: find(nameE), gradient });
}

/** γ · mean over all A and B of ‖AAᵀ − I‖_F (BᵀB for B), once per optimizer step, before gradients are clipped. A rank of 0 counts. */
export function emitRegularization(recording: MethodRecorder, { all, live, options }: AdaloraParts): void {
  const { recorder, scalars } = recording;
  const weight = options.config.orth_reg_weight / (2 * all.length);
  const term = { scalars, at: termScalar };
  const tensorsOf = tripletLookup(recording);
  for (const module of live) {
    const { a, b, gradient } = tensorsOf(module);
    emitOrthogonality(recorder, { factor: a, gradient: gradient(a), along: 'rows' }, weight, term);
    emitOrthogonality(recorder, { factor: b, gradient: gradient(b), along: 'columns' }, weight, term);
  }
}

/** Scores, then the choice at the steps the schedule names, then the mask. */
export function emitAfterUpdate(recording: MethodRecorder, { live, options, structure, schedule }: AdaloraParts): void {
  const { recorder, scalars } = recording;
  const total = schedule.initial;
  const triplets = recording.state(allocationStates.triplets, [3, total]);
  const pruned = recording.state(allocationStates.pruned, [total]);
  const tensorsOf = tripletLookup(recording);
  if (!structure.frozen) {
    const smoothing = { scalars, beta1: options.config.beta1, beta2: options.config.beta2 };
    for (const module of live)
      emitSensitivity(recorder, scoredFactors(recording, tensorsOf(module)), { triplets, ...module }, smoothing);
    emitAllocation(recorder, triplets, pruned, scalars);
  }
  for (const module of live) {
    const { e } = tensorsOf(module);
    emitTripletMask(recorder, { values: e, first: module.first }, pruned, scalars);
  }
}

function scoredFactors(recording: MethodRecorder, { a, b, e, gradient }: TripletTensors) {
  const scored = (parameter: Tensor, kind: 'A' | 'B' | 'E') => ({
    parameter,
    gradient: gradient(parameter),
    averages: recording.state(`adalora.averages.${parameter.name}`, [...parameter.shape, 2]),
    kind,
  });
  return [scored(a, 'A'), scored(b, 'B'), scored(e, 'E')];
}
