import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  cellCurve,
  cellValue,
  exponentOf,
  extentOf,
  formatCell,
  formatPower,
  framesOf,
  meanCurve,
  metricsOf,
  noImportanceReason,
  shareOf,
  shortModule,
  strongestCell,
  type Frame,
} from '../../../webview/app/model/importance';
import { importanceCsvTable, importanceTable } from '../../../webview/app/model/importanceText';
import { viewOf, type RunShape } from '../../app/fixtures';

const shape: RunShape = { name: 'run', steps: 200, done: 128, blocks: 4 };
const frame = (step: number, values: (number | null)[][]): Frame => ({
  step,
  table: { metric: 'gradient_norm', modules: ['q_proj', 'v_proj'], blocks: [0, 3], values },
});
const early = frame(10, [
  [1, null],
  [2, 4],
]);
const late = frame(20, [
  [0.5, null],
  [8, 1],
]);

describe('the importance map', () => {
  it('takes one metric out of every report', () => {
    const run = viewOf(shape);
    assert.deepEqual(metricsOf(run), ['gradient_norm', 'update_norm', 'effective_rank']);
    const frames = framesOf(run, 'update_norm');
    assert.equal(frames.length, 12);
    assert.ok(frames.every(({ table }) => table.metric === 'update_norm'));
    assert.deepEqual(framesOf(run, 'nothing'), []);
  });

  it('spans the values, leaving out cells without an adapter and broken ones', () => {
    assert.deepEqual(extentOf([early]), { min: 1, max: 4 });
    assert.deepEqual(extentOf([early, late]), { min: 0.5, max: 8 });
    assert.deepEqual(
      extentOf([
        frame(1, [
          [NaN, 3],
          [null, Infinity],
        ]),
      ]),
      { min: 3, max: 3 },
    );
    assert.equal(
      extentOf([
        frame(1, [
          [null, null],
          [null, null],
        ]),
      ]),
      undefined,
    );
    assert.equal(shareOf(3, { min: 3, max: 3 }), 0.5);
    assert.equal(shareOf(2, { min: 0, max: 8 }), 0.25);
  });

  it('follows a cell by its labels, not by its place', () => {
    assert.equal(cellValue(early.table, { module: 'v_proj', block: 3 }), 4);
    assert.equal(cellValue(early.table, { module: 'k_proj', block: 3 }), null);
    assert.deepEqual(cellCurve([early, late], { module: 'v_proj', block: 0 }), { steps: [10, 20], values: [2, 8] });
    assert.deepEqual(cellCurve([early, late], { module: 'q_proj', block: 3 }), { steps: [], values: [] });
    assert.deepEqual(strongestCell(late), { module: 'v_proj', block: 0 });
    assert.deepEqual(meanCurve([early]), { steps: [10], values: [7 / 3] });
  });

  it('takes a common power of ten out of the cells', () => {
    assert.equal(exponentOf(0.0247), -3);
    assert.equal(exponentOf(0.4), 0);
    assert.equal(exponentOf(12), 0);
    assert.equal(exponentOf(45_000), 3);
    assert.equal(exponentOf(0), 0);
    assert.equal(formatCell(0.0247, -3), '24.7');
    assert.equal(formatCell(0.00046, -3), '0.46');
    assert.equal(formatPower(-3), ' × 10⁻³');
    assert.equal(formatPower(12), ' × 10¹²');
    assert.equal(formatPower(0), '');
  });

  it('never shows a cell wider than six characters beside its maximum', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1e-12, max: 1e12, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (max, share) => formatCell(max * share, exponentOf(max)).length <= 6,
      ),
    );
  });

  it('has tables for reading and for CSV', () => {
    const table = importanceTable(early, undefined, 'Map');
    assert.deepEqual(
      table.columns.map(column => column.label),
      ['module', 'block 0', 'block 3'],
    );
    assert.deepEqual(table.rows, [
      ['q_proj', '1.000', ''],
      ['v_proj', '2.000', '4.000'],
    ]);
    const run = viewOf({ ...shape, done: 10 });
    run.importance = [{ step: 10, tables: [early.table] }];
    assert.deepEqual(importanceCsvTable(run).rows[1], ['10', 'gradient_norm', 'v_proj', '0', '', '2']);
  });

  it('says why there is none', () => {
    assert.match(noImportanceReason(viewOf({ ...shape, method: 'full' })) ?? '', /every weight/);
    assert.equal(noImportanceReason(viewOf(shape)), undefined);
    assert.equal(noImportanceReason(viewOf({ ...shape, done: 1 })), undefined);
    assert.equal(shortModule('self_attn.q_proj'), 'q');
    assert.equal(shortModule('attn.c_attn'), 'c_attn');
  });
});
