import assert from 'node:assert/strict';
import { cursorKey } from '../../../webview/app/charts/keys';
import {
  axisEnd,
  indexAtOrBefore,
  lossCsvTable,
  lossSummary,
  lossTable,
  nearestStep,
  valueAt,
  visiblePoints,
} from '../../../webview/app/model/loss';
import { random, viewOf, type RunShape } from '../../app/fixtures';

const shape: RunShape = { name: 'run', steps: 200, done: 128, blocks: 4 };

describe('the loss chart', () => {
  it('grows its step axis in leaps and shows all steps from a quarter on', () => {
    assert.equal(axisEnd(0, 10_000), 20);
    assert.equal(axisEnd(21, 10_000), 40);
    assert.equal(axisEnd(2500, 10_000), 10_000);
    assert.equal(axisEnd(3, 8), 8);
    assert.equal(axisEnd(0, 0), 20);
    assert.ok(axisEnd(300, 200) >= 300);
  });

  it('finds steps and values by bisection', () => {
    const steps = [0, 10, 20, 30];
    assert.deepEqual(
      [-1, 0, 9, 10, 35].map(step => indexAtOrBefore(steps, step)),
      [-1, 0, 0, 1, 3],
    );
    assert.deepEqual(
      [-5, 14, 16, 99].map(step => nearestStep(steps, step)),
      [0, 10, 20, 30],
    );
    assert.equal(nearestStep([], 3), undefined);
    assert.equal(valueAt(steps, [5, 6, 7, 8], 20), 7);
    assert.equal(valueAt(steps, [5, 6, 7, 8], 21), undefined);
  });

  it('draws ten thousand steps with few points and keeps every spike', () => {
    const next = random(3);
    const steps = Array.from({ length: 10_000 }, (_, i) => i + 1);
    const values = steps.map(() => 2 + next());
    values[7777] = 9;
    values[1234] = -4;
    const points = visiblePoints(steps, values, { min: 0, max: 10_000 }, 600);
    assert.ok(points.length <= 1200, String(points.length));
    assert.ok(points.some(point => point.x === 7778 && point.y === 9));
    assert.ok(points.some(point => point.x === 1235 && point.y === -4));
    assert.ok(points.every((point, i) => i === 0 || point.x > points[i - 1].x));
  });

  it('cuts to the zoomed steps with one neighbour beyond each edge', () => {
    const steps = Array.from({ length: 100 }, (_, i) => i + 1);
    const points = visiblePoints(steps, steps, { min: 40.5, max: 44.5 }, 600);
    assert.deepEqual(
      points.map(point => point.x),
      [40, 41, 42, 43, 44, 45],
    );
    assert.deepEqual(visiblePoints([], [], { min: 0, max: 1 }, 600), []);
  });

  it('sums itself up in one sentence', () => {
    const view = viewOf(shape);
    view.metrics.loss[0] = 5;
    view.metrics.loss[127] = 2;
    view.evaluations = { step: [50, 100], loss: [2.1, 2.2], exactMatch: [null, 0.5] };
    assert.equal(
      lossSummary(view),
      'Training loss fell from 5.000 at step 1 to 2.000 at step 128 of 200; last evaluation 2.200 (perplexity 9.025, 50 % completed exactly), best 2.100 at step 50.',
    );
    assert.equal(lossSummary(viewOf({ ...shape, done: 0, state: 'queued' })), 'No training loss yet.');
  });
});

describe('the tables of the loss', () => {
  it('thins long runs but keeps evaluations and the last step', () => {
    const run = viewOf({ ...shape, steps: 1000, done: 1000, evalEvery: 333, state: 'completed' });
    const { rows, caption } = lossTable(run, 0.6, 100);
    const steps = rows.map(row => row[0]);
    assert.ok(rows.length < 110);
    for (const step of ['0', '1', '333', '666', '999', '1000']) assert.ok(steps.includes(step), step);
    assert.match(caption, /of 1000 steps/);
    assert.notEqual(rows[0][3], '–');
    assert.equal(lossTable(run, 0, 5000).rows.length, 1001);
  });

  it('writes every step with full precision to CSV', () => {
    const run = viewOf(shape);
    const { rows, columns } = lossCsvTable(run);
    assert.equal(columns.length, 6);
    assert.equal(rows.length, 129);
    assert.equal(rows[1][1], String(run.metrics.loss[0]));
    assert.equal(rows.find(row => row[0] === '100')?.[2], String(run.evaluations.loss[2]));
  });
});

describe('the keyboard cursor', () => {
  const positions = Array.from({ length: 101 }, (_, i) => i * 10);
  const press = (key: string, current?: number, shiftKey = false) => cursorKey({ key, shiftKey }, positions, current);

  it('moves by one, by a leap and to the ends, and stays inside', () => {
    assert.equal(press('ArrowLeft', 50), 40);
    assert.equal(press('ArrowRight', 50), 60);
    assert.equal(press('ArrowRight', 50, true), 100);
    assert.equal(press('PageDown', 500), 450);
    assert.equal(press('Home', 50), 0);
    assert.equal(press('End', 50), 1000);
    assert.equal(press('ArrowRight', 1000), 1000);
    assert.equal(press('ArrowLeft', 0), 0);
  });

  it('starts at the latest position, leaves on Escape and lets other keys through', () => {
    assert.equal(press('ArrowLeft'), 990);
    assert.equal(press('Escape', 50), null);
    assert.equal(press('a', 50), undefined);
    assert.equal(cursorKey({ key: 'Home', shiftKey: false }, [], undefined), undefined);
  });
});
