import type { ImportanceReport, TripletFate } from '../../../src/common/run/events';
import { emitCopyAt } from '../ops/copyAt';
import { emitGradientNorm } from '../ops/gradientNorm';
import { emitTripletNorm } from '../ops/tripletNorm';
import type { AdaloraParts } from './adalora';
import { allocationAt } from './adaloraBudget';
import type { AdaloraModule } from './adaloraModules';
import { allocationStates, tripletLookup } from './adaloraUpdate';
import { moduleGrid, moduleTable } from './loraImportance';
import type { ImportancePlan, MethodRecorder } from './method';

/**
 * Per module × block: `score`, the sum of the scores of its triplets; `kept_rank`, the triplets left by the last choice;
 * `update_norm`, ‖ΔW‖_F; `gradient_norm`, ‖∇(A, B, E)‖₂ with the orthogonality term in it, the lecture's I_k, which is a
 * picture only: AdaLoRA does not prune by it. Beside them the budget, and what happened to each triplet.
 */
export function adaloraImportance(recording: MethodRecorder, parts: AdaloraParts): ImportancePlan {
  const { recorder } = recording;
  const { live, scale, schedule } = parts;
  const { initial: total } = schedule;
  const norms = 4 * total;
  const count = norms + 2 * live.length;
  const output = recorder.tensor('importance', [count], 'state');
  emitCopyAt(recorder, recording.state(allocationStates.triplets, [3, total]), output, 0);
  emitCopyAt(recorder, recording.state(allocationStates.pruned, [total]), output, 3 * total);
  const tensorsOf = tripletLookup(recording);
  live.forEach((module, index) => {
    const { a, b, e, gradient } = tensorsOf(module);
    emitTripletNorm(recorder, { a, b, e, scale }, output, norms + index);
    emitGradientNorm(recorder, [a, b, e].map(gradient), output, norms + live.length + index);
  });
  return { output, count, report: (values, step) => report(parts, values, step) };
}

function report({ live, schedule }: AdaloraParts, values: Float32Array, step: number): ImportanceReport {
  const { initial: total } = schedule;
  const fates = fatesOf(values, total);
  const of = ({ first, rank }: AdaloraModule) => fates.slice(first, first + rank);
  const norms = values.subarray(4 * total);
  const scores = live.map(module => of(module).reduce((sum, { score }) => sum + score, 0));
  const ranks = live.map(module => of(module).filter(({ kept }) => kept).length);
  return {
    tables: [
      moduleTable('score', live, scores),
      moduleTable('kept_rank', live, ranks),
      moduleTable('update_norm', live, norms.subarray(0, live.length)),
      moduleTable('gradient_norm', live, norms.subarray(live.length, 2 * live.length)),
    ],
    budget: { planned: allocationAt(schedule, step).budget, actual: ranks.reduce((sum, rank) => sum + rank, 0) },
    triplets: moduleGrid(live, index => of(live[index])).cells,
  };
}

/** Five digits are enough for a chart, and a report holds thousands of these. */
const short = (value: number) => Number(value.toPrecision(5));

function fatesOf(values: Float32Array, total: number): TripletFate[] {
  const scores = values.subarray(2 * total, 3 * total);
  const order = [...scores.keys()].sort((a, b) => scores[b] - scores[a]);
  const places = new Uint32Array(total);
  order.forEach((triplet, place) => (places[triplet] = place + 1));
  return Array.from({ length: total }, (_, i) => ({
    sensitivity: short(values[i]),
    uncertainty: short(values[total + i]),
    score: short(scores[i]),
    place: places[i],
    kept: values[3 * total + i] === 0,
  }));
}
