/** Reports of importance in the shape of each method's own, from formulas instead of a training run. */
import type { MethodConfig } from '../../src/common/config/schema';
import type { ImportanceReport, ImportanceTable, TripletFate } from '../../src/common/run/events';
import { allocationAt, type BudgetSchedule } from '../../webview/engine/methods/adaloraBudget';

export interface ReportShape {
  readonly step: number;
  readonly steps: number;
  readonly blocks: number;
  /** A seeded number around zero, as wide as said. */
  readonly noise: (width: number) => number;
}

type Value = (row: number, block: number) => number;

const projections = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'];

/** What the method says at one step; undefined for one that reports nothing. */
export function reportOf(method: MethodConfig, shape: ReportShape): ImportanceReport | undefined {
  switch (method.type) {
    case 'full':
      return undefined;
    case 'lora':
      return loraReport(method.r, shape);
    case 'adalora':
      return adaloraReport(method, shape);
    case 'weightlora':
      return weightloraReport(method.k ?? 7, shape);
    case 'bottleneck':
      return bottleneckReport(shape);
    case 'few-shot':
      return { tables: [tableOf('implicit_update', ['gate_proj', 'up_proj'], shape, weigh(shape, 0.4))] };
    default:
      return attentionReport(shape);
  }
}

function tableOf(metric: string, modules: readonly string[], { blocks }: ReportShape, value: Value): ImportanceTable {
  const columns = Array.from({ length: blocks }, (_, block) => block);
  return { metric, modules, blocks: columns, values: modules.map((_, row) => columns.map(block => value(row, block))) };
}

/** How much an adapter matters: later blocks and MLPs more, each with a character of its own. */
function importanceOf({ blocks }: ReportShape, row: number, block: number): number {
  const wave = 0.25 * Math.sin(row * 7 + block * 3);
  return Math.max(0.02, 0.18 + (row > 3 ? 0.5 : 0) + (row === 1 ? 0 : (0.35 * block) / blocks) + wave);
}

function weigh(shape: ReportShape, scale: number): Value {
  return (row, block) => Math.max(0.002, importanceOf(shape, row, block) + shape.noise(0.08)) * scale;
}

const shareDone = ({ step, steps }: ReportShape): number => step / steps;

function loraReport(rank: number, shape: ReportShape): ImportanceReport {
  const share = shareDone(shape);
  return {
    tables: [
      tableOf('gradient_norm', projections, shape, weigh(shape, 0.045 * (0.4 + Math.exp(-share * 4)))),
      tableOf('update_norm', projections, shape, weigh(shape, 1.8 * (1 - Math.exp(-share * 3)))),
      tableOf(
        'effective_rank',
        projections,
        shape,
        (row, block) => 1 + (rank - 1) * importanceOf(shape, row, block) * (0.3 + 0.5 * share),
      ),
    ],
  };
}

function adaloraReport(
  { init_r: rank, target_r: target, tinit, tfinal, deltaT }: Extract<MethodConfig, { type: 'adalora' }>,
  shape: ReportShape,
): ImportanceReport {
  const cells = projections.length * shape.blocks;
  const schedule: BudgetSchedule = {
    initial: rank * cells,
    target: target * cells,
    tinit,
    tfinal,
    deltaT,
    totalStep: shape.steps,
  };
  const kept = budgetInForce(schedule, shape.step);
  const triplets = fatesOf(rank, kept, shape);
  const sum =
    (value: (fate: TripletFate) => number): Value =>
    (row, block) =>
      triplets[row][block].reduce((total, fate) => total + value(fate), 0);
  const share = shareDone(shape);
  return {
    tables: [
      tableOf(
        'score',
        projections,
        shape,
        sum(fate => fate.score),
      ),
      tableOf(
        'kept_rank',
        projections,
        shape,
        sum(fate => Number(fate.kept)),
      ),
      tableOf('update_norm', projections, shape, weigh(shape, 1.8 * (1 - Math.exp(-share * 3)))),
      tableOf('gradient_norm', projections, shape, weigh(shape, 0.045 * (0.4 + Math.exp(-share * 4)))),
    ],
    budget: { planned: allocationAt(schedule, shape.step).budget, actual: kept },
    triplets,
  };
}

/** Triplets that the last decision up to `step` left. */
function budgetInForce(schedule: BudgetSchedule, step: number): number {
  let kept = schedule.initial;
  for (let s = 1; s <= step; s++) {
    const { prunes, budget } = allocationAt(schedule, s);
    if (prunes > 0) kept = budget;
  }
  return kept;
}

function fatesOf(rank: number, kept: number, shape: ReportShape): TripletFate[][][] {
  const scored = projections.map((_, row) =>
    Array.from({ length: shape.blocks }, (_unused, block) =>
      Array.from({ length: rank }, (_rank, i) => {
        const sway = 1 + 0.35 * Math.sin(shape.step / 9 + row * 5 + block * 11 + i * 17);
        const sensitivity = (1e-3 * importanceOf(shape, row, block) ** 2 * sway) / (1 + 0.6 * i);
        const uncertainty = sensitivity * (0.55 + 0.2 * Math.cos(row + block + i));
        return { sensitivity, uncertainty, score: sensitivity * uncertainty * 1.4 };
      }),
    ),
  );
  const order = scored.flat(2).sort((a, b) => b.score - a.score);
  const places = new Map(order.map((triplet, index) => [triplet, index + 1]));
  return scored.map(row =>
    row.map(cell =>
      cell.map(triplet => {
        const place = places.get(triplet) ?? 0;
        return { ...triplet, place, kept: place <= kept };
      }),
    ),
  );
}

function weightloraReport(keep: number, shape: ReportShape): ImportanceReport {
  const { step, steps } = shape;
  const omegas = tableOf('omega', projections, shape, (row, block) => {
    const sway = 0.1 * Math.sin(step / 6 + row * 5 + block * 11);
    return 1 + (importanceOf(shape, row, block) - 0.4) * 0.3 + sway * (step < steps / 2 ? 1 : 0);
  });
  const selecting = step > steps * 0.1;
  const cut = selecting ? omegas.values.flat().sort((a, b) => Number(b) - Number(a))[keep - 1] : -Infinity;
  const omega: Value = (row, block) => {
    const value = Number(omegas.values[row][block]);
    return value >= Number(cut) ? value : 0;
  };
  const size = 4 * (1 - Math.exp((-step / steps) * 3));
  const norm: Value = (row, block) =>
    omega(row, block) > 0 || step < steps / 2 ? importanceOf(shape, row, block) * size : 0;
  const total = projections
    .flatMap((_, row) => omegas.blocks.map(block => norm(row, block)))
    .reduce((a, b) => a + b, 0);
  return {
    tables: [
      tableOf('omega', projections, shape, omega),
      tableOf('update_norm', projections, shape, norm),
      tableOf('share', projections, shape, (row, block) => (omega(row, block) * norm(row, block)) / total),
      tableOf('kept', projections, shape, (row, block) => Number(omega(row, block) > 0)),
    ],
    budget: { planned: keep, actual: selecting ? keep : projections.length * shape.blocks },
  };
}

function bottleneckReport(shape: ReportShape): ImportanceReport {
  const share = shareDone(shape);
  return {
    tables: [
      tableOf('gate_norm', ['attention', 'mlp'], shape, weigh(shape, 0.6 * (1 - Math.exp(-share * 3)))),
      tableOf('gradient_norm', ['attention', 'mlp'], shape, weigh(shape, 0.3 * (0.4 + Math.exp(-share * 4)))),
    ],
  };
}

function attentionReport(shape: ReportShape): ImportanceReport {
  const heads = ['head 0', 'head 1', 'head 2', 'head 3'];
  const share = shareDone(shape);
  const mass: Value = (row, block) =>
    Math.min(
      0.95,
      (0.15 + 0.5 * share) * (1 - (0.6 * block) / shape.blocks) +
        0.12 * Math.sin(row * 3 + block) +
        shape.noise(0.03) +
        0.05,
    );
  return { tables: [tableOf('attention_mass', heads, shape, (row, block) => Math.max(0.01, mass(row, block)))] };
}
