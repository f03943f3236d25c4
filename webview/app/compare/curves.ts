import type { ComparedGroup } from '../../../src/common/comparison/groups';
import type { ComparedRun } from '../../../src/common/comparison/comparedRun';
import type { Point } from '../model/loss';
import { valueAt } from '../model/loss';
import { formatMetric, absent } from '../model/format';
import type { TableModel } from '../model/table';

export type CurveKind = 'evaluation' | 'training';

/** The losses of a run over its steps. */
export function lossesOf(
  run: ComparedRun,
  kind: CurveKind,
): { readonly step: readonly number[]; readonly loss: readonly number[] } {
  return kind === 'evaluation' ? run.evaluations : run.training;
}

/** Mean over the runs of a group at the steps that all of them have. */
export function meanCurve({ runs }: Pick<ComparedGroup, 'runs'>, kind: CurveKind): Point[] {
  const [first, ...others] = runs.map(run => lossesOf(run, kind));
  if (first === undefined) return [];
  return first.step.flatMap((step, i) => {
    const losses = [first.loss[i], ...others.map(other => valueAt(other.step, other.loss, step))];
    if (losses.some(loss => loss === undefined)) return [];
    return [{ x: step, y: losses.reduce((sum: number, loss) => sum + (loss ?? 0), 0) / losses.length }];
  });
}

/** Every step at which some group has a mean, ascending. */
export function curveSteps(curves: readonly (readonly Point[])[]): number[] {
  return [...new Set(curves.flatMap(points => points.map(point => point.x)))].sort((a, b) => a - b);
}

/** Means by step, one column a group. */
export function curveTable(groups: readonly ComparedGroup[], kind: CurveKind): TableModel {
  const curves = groups.map(group => new Map(meanCurve(group, kind).map(({ x, y }) => [x, y])));
  const steps = curveSteps(groups.map(group => meanCurve(group, kind)));
  return {
    caption:
      kind === 'evaluation' ? 'Evaluation loss by step, mean over seeds' : 'Training loss by step, mean over seeds',
    columns: ['step', ...groups.map(group => group.label)].map(label => ({ label, numeric: true })),
    rows: steps.map(step => [
      String(step),
      ...curves.map(curve => (curve.has(step) ? formatMetric(curve.get(step)) : absent)),
    ]),
  };
}
