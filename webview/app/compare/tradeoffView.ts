import { paretoFront } from '../../../src/common/comparison/pareto';
import { untouchedBase, type ComparedGroup } from '../../../src/common/comparison/groups';
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
  readonly xTitle: string;
  readonly costOf: (group: ComparedGroup) => number | undefined;
  readonly format: (cost: number) => string;
  readonly tick: (cost: number) => string;
}

/** Evaluation loss against a cost, with the front of those that nothing beats in both. */
export function createTradeoffView({ actions, theme }: CompareContext, options: TradeoffOptions): CompareView {
  const { id, title } = options;
  const plot = new ScatterPlot({
    label: title,
    theme,
    xTitle: options.xTitle,
    yTitle: 'best eval loss',
    formatX: options.tick,
    formatY: formatTick,
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
      card.setSubtitle(names.length === 0 ? '' : 'lower left is better; the line is the Pareto front');
      card.setSummary(summaryOf(title, model, names));
      if (model.points.length > 0) plot.draw(model);
    },
    dispose: () => plot.dispose(),
  };
}

/** Points of the groups that have both numbers; what does not train stands outside the front. */
export function scatterModel(
  groups: readonly ComparedGroup[],
  { costOf, format, xTitle }: Pick<TradeoffOptions, 'costOf' | 'format' | 'xTitle'>,
  untouched: number | undefined,
): ScatterModel {
  const looks = looksOf(groups);
  const placed = groups.flatMap((group, i) => {
    const [cost, loss] = [costOf(group), group.evalLoss?.mean];
    return cost === undefined || loss === undefined ? [] : [{ group, look: looks[i], cost, loss }];
  });
  const front = paretoFront(placed.filter(({ group }) => group.trains));
  const points = placed.map((one): ScatterPoint => {
    const { group, look, cost, loss } = one;
    const onFront = front.includes(one);
    return {
      id: group.id,
      label: group.label,
      ...look,
      x: cost,
      y: loss,
      half: group.evalLoss?.half,
      onFront,
      isProvisional: group.isProvisional,
      rows: [
        { label: 'best eval loss', text: formatEstimate(group.evalLoss) },
        { label: xTitle, text: format(cost) },
        ...(onFront ? [{ label: 'on the Pareto front', text: '' }] : []),
        ...(group.isProvisional ? [{ label: 'under way', text: '' }] : []),
      ],
    };
  });
  return {
    points,
    front: front.map(({ cost, loss }) => ({ x: cost, y: loss })),
    baseline:
      untouched === undefined ? undefined : { y: untouched, label: `untouched base ${formatMetric(untouched)}` },
  };
}

function summaryOf(title: string, { points }: ScatterModel, front: readonly string[]): string {
  if (points.length === 0) return `${title}: nothing yet.`;
  return `${title}: ${points.length} variants; on the Pareto front ${front.join(', ') || 'none'}.`;
}
