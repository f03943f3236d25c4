import { costOf, untouchedBase, type ComparedGroup, type Cost } from '../../../src/common/comparison/groups';
import { formatMetric, formatTick } from '../model/format';
import { iconButton } from '../toolkit';
import { Card } from '../views/card';
import { formatEstimate } from './columns';
import { looksOf } from './look';
import { ScatterPlot, type ScatterModel, type ScatterPoint } from './scatter';
import type { CompareContext, CompareView } from './view';

export interface TradeoffOptions {
  readonly id: string;
  readonly title: string;
  readonly cost: Cost;
  readonly costTitle: string;
  /** A cost in words. */
  readonly format: (cost: number) => string;
  /** The unit that suits an axis up to this cost. */
  readonly unitOf: (largest: number) => Unit;
}

export interface Unit {
  readonly name: string;
  readonly size: number;
}

/** Evaluation loss against a cost, with the front of those that nothing beats in both. */
export function createTradeoffView({ actions, theme }: CompareContext, options: TradeoffOptions): CompareView {
  const { id, title } = options;
  const plot = new ScatterPlot({
    label: title,
    theme,
    yTitle: 'best eval loss',
    format: formatTick,
  });
  const save = (): void => void plot.toImage().then(image => actions.saveImage(id, image));
  const card = new Card({
    id,
    title,
    exports: [iconButton({ label: 'Save as image…', icon: 'device-camera', onClick: save })],
  });
  card.body.append(plot.element);
  return {
    element: card.element,
    update: ({ groups, snapshot }) => {
      const untouched = untouchedBase(snapshot?.variants ?? []);
      const model = scatterModel(groups, options, untouched);
      card.setEmpty(model.points.length === 0 ? 'Comes with the first evaluation after training began.' : undefined);
      const names = model.points.filter(point => point.onFront).map(point => point.label);
      card.setSubtitle(names.length === 0 ? '' : 'lower left is better; line: Pareto front');
      card.setSummary(summaryOf(title, model, names));
      if (model.points.length > 0) plot.draw(model);
    },
    dispose: () => plot.dispose(),
  };
}

/** Points of the groups that have both numbers. */
export function scatterModel(
  groups: readonly ComparedGroup[],
  { cost, costTitle, format, unitOf }: Pick<TradeoffOptions, 'cost' | 'costTitle' | 'format' | 'unitOf'>,
  untouched: number | undefined,
): ScatterModel {
  const looks = looksOf(groups);
  const unit = unitOf(Math.max(0, ...groups.map(group => costOf(group, cost) ?? 0)));
  const points = groups.flatMap((group, i): ScatterPoint[] => {
    const [price, loss] = [costOf(group, cost), group.evalLoss?.mean];
    if (price === undefined || loss === undefined) return [];
    const onFront = group.fronts.includes(cost);
    const rows = [
      { label: 'best eval loss', text: formatEstimate(group.evalLoss) },
      { label: costTitle, text: format(price) },
      ...(onFront ? [{ label: 'on the Pareto front', text: '' }] : []),
      ...(group.isProvisional ? [{ label: 'under way', text: '' }] : []),
    ];
    const { id, label, isProvisional, evalLoss } = group;
    const { colour, shape } = looks[i];
    return [
      { id, label, colour, shape, x: price / unit.size, y: loss, half: evalLoss?.half, onFront, isProvisional, rows },
    ];
  });
  const front = points.filter(point => point.onFront).sort((a, b) => a.x - b.x || a.y - b.y);
  const level =
    untouched === undefined ? undefined : { y: untouched, label: `untouched base ${formatMetric(untouched)}` };
  return { points, front, baseline: level, xTitle: `${costTitle}, ${unit.name}` };
}

function summaryOf(title: string, { points }: ScatterModel, front: readonly string[]): string {
  if (points.length === 0) return `${title}: nothing yet.`;
  return `${title}: ${points.length} variants; on the Pareto front ${front.join(', ') || 'none'}.`;
}
