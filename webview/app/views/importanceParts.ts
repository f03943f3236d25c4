import type { RunView } from '../../../src/common/run/view';
import type { TipContent } from '../charts/tip';
import { budgetCurve, budgetText } from '../model/budget';
import { valueText, type MapModel } from '../model/cells';
import { fateText } from '../model/fates';
import { formatMetric } from '../model/format';
import { cellValue, type Cell, type Frame } from '../model/importance';
import type { PictureText } from '../model/mapPicture';
import { metricText } from '../model/metrics';
import { describeConfig } from '../model/run';
import { rankingAt, tripletTable, tripletsOf } from '../model/triplets';

/** Triplets in a tip, those around the cut. */
const fewTriplets = 8;

/** What floats beside a cell: all its numbers at that step, what became of it, and why triplets were pruned. */
export function cellTip(run: RunView | undefined, map: MapModel, cell: Cell): TipContent {
  const { step } = map.frame;
  const title = `${cell.module} · block ${cell.block} · step ${step}`;
  const value = cellValue(map.frame.table, cell);
  if (value === null) return { title, rows: [{ label: 'no adapter', text: '' }] };
  const change = map.difference
    ? [{ label: `change of ${metricText(map.frame.table.metric).label}`, text: valueText(map, value) }]
    : [];
  const report = run?.importance.find(one => one.step === step);
  const rows = (report?.tables ?? []).flatMap(table => {
    const number = cellValue(table, cell);
    return number === null ? [] : [{ label: metricText(table.metric).label, text: formatMetric(number) }];
  });
  const fate = map.fates?.of(cell.module, cell.block);
  const ranking = run && rankingAt(run, step);
  const hasTriplets = ranking !== undefined && tripletsOf(ranking, cell).length > 0;
  return {
    title,
    rows: [...change, ...rows, ...(fate === undefined ? [] : [{ label: 'adapter', text: fateText(fate) }])],
    ...(hasTriplets ? { table: tripletTable(ranking, cell, fewTriplets) } : {}),
  };
}

/** The lines that a saved picture needs to be understood on its own. */
export function pictureText(run: RunView, frame: Frame): PictureText {
  const { label, meaning, formula } = metricText(frame.table.metric);
  const curve = budgetCurve(run);
  return {
    title: `${run.manifest.name}: ${label}`,
    notes: [describeConfig(run.manifest.config), meaning, formula].filter(note => note !== undefined),
    foot: curve && budgetText(curve, frame.step),
  };
}
