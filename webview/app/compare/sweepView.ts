import { untouchedBase, type ComparedGroup } from '../../../src/common/comparison/groups';
import { formatMetric, formatTick } from '../model/format';
import { iconButton } from '../toolkit';
import { Card } from '../views/card';
import { formatEstimate } from './columns';
import { looksOf } from './look';
import { ScatterPlot, type ScatterModel, type ScatterPoint } from './scatter';
import type { CompareContext, CompareView } from './view';

/** From this ratio of the largest value to the smallest on, the axis is logarithmic. */
const wide = 15;

/** Evaluation loss against the value of the swept key; absent unless the values are numbers. */
export function createSweepView({ actions, theme }: CompareContext): CompareView {
  const plot = new ScatterPlot({
    label: 'Quality against the value',
    theme,
    yTitle: 'best eval loss',
    format: formatTick,
  });
  const save = (): void => void plot.toImage().then(image => actions.saveImage('sweep', image));
  const card = new Card({
    id: 'sweep',
    title: 'Quality against the value',
    exports: [iconButton({ label: 'Save as image…', icon: 'device-camera', onClick: save })],
  });
  card.body.append(plot.element);
  return {
    element: card.element,
    update: ({ groups, snapshot }) => {
      const key = snapshot?.definition.key;
      const isNumeric = key !== undefined && groups.every(group => Number.isFinite(Number(group.id)));
      card.element.hidden = !isNumeric;
      if (key === undefined || !isNumeric) return;
      const model = sweepModel(groups, key, untouchedBase(snapshot?.variants ?? []));
      card.setSubtitle(key);
      card.setEmpty(model.points.length === 0 ? 'Comes with the first evaluation after training began.' : undefined);
      card.setSummary(`Quality against ${key}: ${model.points.length} of ${groups.length} values have a result.`);
      if (model.points.length > 0) plot.draw(model);
    },
    dispose: () => plot.dispose(),
  };
}

/** Points in the order of their values, joined; values far apart on a logarithmic axis. */
export function sweepModel(groups: readonly ComparedGroup[], key: string, untouched: number | undefined): ScatterModel {
  const looks = looksOf(groups);
  const points = groups.flatMap((group, i): ScatterPoint[] => {
    const { id, evalLoss, isProvisional } = group;
    if (evalLoss === undefined) return [];
    const value = Number(id);
    const { colour, shape } = looks[i];
    const rows = [{ label: 'best eval loss', text: formatEstimate(evalLoss) }];
    const drawn = { label: formatTick(value), colour, shape, isProvisional, rows };
    return [{ id, ...drawn, x: value, y: evalLoss.mean, half: evalLoss.half, onFront: false }];
  });
  points.sort((a, b) => a.x - b.x);
  const [low, high] = [points.at(0)?.x ?? 0, points.at(-1)?.x ?? 0];
  return {
    points,
    front: [],
    path: points.map(({ x, y }) => ({ x, y })),
    logarithmic: low > 0 && high / low >= wide,
    baseline:
      untouched === undefined ? undefined : { y: untouched, label: `untouched base ${formatMetric(untouched)}` },
    xTitle: key,
  };
}
