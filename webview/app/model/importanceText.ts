import type { RunView } from '../../../src/common/run/view';
import { budgetCurve, budgetText } from './budget';
import type { FateMap } from './fates';
import { formatMetric } from './format';
import { cellValue, strongestCell, type Frame } from './importance';
import { metricText } from './metrics';
import type { TableModel } from './table';

/** What the picture says, in a sentence or two for screen readers. */
export function importanceSummary(run: RunView, frame: Frame, fates: FateMap | undefined): string {
  const strongest = strongestCell(frame);
  if (strongest === undefined) return `No importance values at step ${frame.step}.`;
  const { label } = metricText(frame.table.metric);
  const value = formatMetric(cellValue(frame.table, strongest) ?? undefined);
  const first = `${label} at step ${frame.step}: highest in ${strongest.module} of block ${strongest.block}, ${value}.`;
  return [first, fates && fatesText(fates), budgetSentence(run, frame.step)].filter(text => text).join(' ');
}

/** `7 of 28 adapters kept, 2 of them after they had been dropped.` */
export function fatesText({ kept, dropped, returned }: FateMap): string {
  const again = returned === 0 ? '' : `, ${returned} of them after ${returned === 1 ? 'it' : 'they'} had been dropped`;
  return `${kept} of ${kept + dropped} adapters kept${again}.`;
}

/** A frame as a table with a name: modules down, blocks across. */
export function importanceTable({ table }: Frame, fates: FateMap | undefined, name: string): TableModel {
  const columns = ['module', ...table.blocks.map(block => `block ${block}`)];
  const note = fates === undefined ? '' : '; (×) dropped, (↺) kept again';
  return {
    caption: `${name}${note}`,
    columns: columns.map((label, i) => ({ label, numeric: i > 0 })),
    rows: table.modules.map((module, r) => [
      module,
      ...table.values[r].map((value, c) => (value === null ? '' : cellText(value, fates, module, table.blocks[c]))),
    ]),
  };
}

function cellText(value: number, fates: FateMap | undefined, module: string, block: number): string {
  const fate = fates?.of(module, block)?.fate;
  if (fate === 'dropped') return `${formatMetric(value)} (×)`;
  return fate === 'returned' ? `${formatMetric(value)} (↺)` : formatMetric(value);
}

function budgetSentence(run: RunView, step: number): string | undefined {
  const curve = budgetCurve(run);
  const text = curve && budgetText(curve, step);
  return text === undefined ? undefined : `${text}.`;
}

const columns = ['step', 'metric', 'module', 'block', 'triplet', 'value'];

/**
 * Every reported number in long form, for a CSV: the tables, `budget_planned` and `budget_actual`, and what is known of
 * each triplet (`triplet` counts from 1 within its module).
 */
export function importanceCsvTable(run: RunView): TableModel {
  return {
    caption: `Importance of ${run.manifest.name}`,
    columns: columns.map(label => ({ label, numeric: label !== 'module' && label !== 'metric' })),
    rows: run.importance.flatMap(report => [...tableRows(report), ...budgetRows(report), ...tripletRows(report)]),
  };
}

type Report = RunView['importance'][number];

function tableRows({ step, tables }: Report): string[][] {
  return tables.flatMap(({ metric, modules, blocks, values }) =>
    values.flatMap((row, r) =>
      row.flatMap((value, c) =>
        value === null ? [] : [[String(step), metric, modules[r], String(blocks[c]), '', String(value)]],
      ),
    ),
  );
}

function budgetRows({ step, budget }: Report): string[][] {
  if (budget === undefined) return [];
  return [
    [String(step), 'budget_planned', '', '', '', String(budget.planned)],
    [String(step), 'budget_actual', '', '', '', String(budget.actual)],
  ];
}

function tripletRows({ step, tables, triplets }: Report): string[][] {
  const { modules, blocks } = tables[0] ?? { modules: [], blocks: [] };
  return (triplets ?? []).flatMap((row, r) =>
    row.flatMap((cell, c) =>
      (cell ?? []).flatMap(({ sensitivity, uncertainty, score, place, kept }, index) =>
        Object.entries({ sensitivity, uncertainty, score, place, kept: Number(kept) }).map(([name, value]) => [
          String(step),
          `triplet_${name}`,
          modules[r],
          String(blocks[c]),
          String(index + 1),
          String(value),
        ]),
      ),
    ),
  );
}
