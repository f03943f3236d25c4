import assert from 'node:assert/strict';
import type { MemoryBytes, Timeline, TimelinePoint } from '../../../src/common/run/events';
import type { RunView } from '../../../src/common/run/view';
import { memoryModel, memorySubtitle, memorySummary, memoryTable } from '../../../webview/app/model/memory';
import {
  formatDifference,
  pairModel,
  pairSummary,
  pairTable,
  type PairedRun,
} from '../../../webview/app/model/memoryPair';
import { transferModel, type TransferModel } from '../../../webview/app/model/transfers';
import { timelineModel, timelineSubtitle, timelineTable } from '../../../webview/app/model/timeline';
import { random, viewOf, type RunShape } from '../../app/fixtures';

import {
  describeOp,
  describeTensor,
  marksSummary,
  recomputed,
  tensorsAt,
  transfersAt,
} from '../../../webview/app/model/timelineMarks';

const mib = 2 ** 20;
const shape: RunShape = { name: 'run', steps: 200, done: 10, blocks: 4 };

function withMemory(forecast: MemoryBytes, measured: MemoryBytes, budgetMib?: number): RunView {
  return Object.assign(viewOf({ ...shape, budgetMib }), { memory: { forecast, measured } });
}

describe('the memory card', () => {
  it('adds up the GPU and keeps what was offloaded apart', () => {
    const bytes = { weights: 10 * mib, activations: 5 * mib, offloadedCpu: 100 * mib };
    const model = memoryModel(withMemory(bytes, { ...bytes, activations: 6 * mib }));
    assert.deepEqual(model?.total, { forecast: 15 * mib, measured: 16 * mib });
    assert.deepEqual(
      model?.groups.map(({ label, rows, total }) => [label, rows.map(row => row.category), total.measured]),
      [
        ['GPU', ['weights', 'activations'], 16 * mib],
        ['Host memory', ['offloadedCpu'], 100 * mib],
      ],
    );
    // One scale for all places, so that lengths can be held against each other.
    assert.equal(model?.scale, 100 * mib);
    assert.match(model ? memorySummary(model) : '', /; 100 MiB in host memory\.$/);
    assert.equal(memoryModel(viewOf({ ...shape, done: 0, state: 'queued' })), undefined);
  });

  it('draws the budget where it fits beside the bars, and says so otherwise', () => {
    const bytes = { weights: 10 * mib };
    const near = memoryModel(withMemory(bytes, bytes, 16));
    assert.ok(near?.budgetOnScale);
    assert.ok(near.scale > 16 * mib);
    assert.equal(memorySubtitle(near), '10.0 MiB, 63 % of budget');
    const far = memoryModel(withMemory(bytes, bytes, 1024));
    assert.equal(far?.budgetOnScale, false);
    assert.equal(far?.scale, 10 * mib);
    const over = memoryModel(withMemory(bytes, bytes, 8));
    assert.equal(over && memorySubtitle(over), '10.0 MiB, over the budget');
  });

  it('says in one sentence whether the forecast held', () => {
    const bytes = { weights: 10 * mib, activations: 20 * mib };
    const exact = memoryModel(withMemory(bytes, bytes));
    assert.match(
      exact ? memorySummary(exact) : '',
      /30\.0 MiB, exactly as forecast; most of it activations, 20\.0 MiB/,
    );
    const off = memoryModel(withMemory(bytes, { ...bytes, weights: 11 * mib }));
    assert.match(off ? memorySummary(off) : '', /31\.0 MiB, forecast 30\.0 MiB/);
    assert.deepEqual(off && memoryTable(off).rows, [
      ['GPU', 'weights', String(10 * mib), String(11 * mib)],
      ['GPU', 'activations', String(20 * mib), String(20 * mib)],
      ['GPU', 'total', String(30 * mib), String(31 * mib)],
    ]);
  });
});

describe('memory of two runs', () => {
  const paired = (label: string, memory?: MemoryBytes): PairedRun => ({
    label,
    colour: 'blue',
    run: Object.assign(viewOf(shape), { memory: memory && { forecast: {}, measured: memory } }),
  });

  it('is set side by side by category, with what one takes over the other', () => {
    const model = pairModel(
      paired('a', { weights: 10 * mib, activations: 4 * mib }),
      paired('b', { weights: 2 * mib, activations: 4 * mib, offloadedCpu: 8 * mib }),
    );
    assert.ok(model);
    assert.deepEqual(pairTable(model).rows, [
      ['GPU', 'weights', String(10 * mib), String(2 * mib), String(-8 * mib)],
      ['GPU', 'activations', String(4 * mib), String(4 * mib), '0'],
      ['GPU', 'total', String(14 * mib), String(6 * mib), String(-8 * mib)],
      ['Host memory', 'offloaded to CPU', '0', String(8 * mib), String(8 * mib)],
      ['Host memory', 'total', '0', String(8 * mib), String(8 * mib)],
    ]);
    assert.deepEqual([model.scale, model.rowScale], [14 * mib, 10 * mib]);
    assert.equal(
      pairSummary(model),
      'b takes 8.00 MiB (57 %) less GPU memory than a. b takes 8.00 MiB more host memory than a.',
    );
    assert.deepEqual(
      [
        [3, 3],
        [1024, 3072],
        [3072, 1024],
      ].map(([a, b]) => formatDifference([a, b])),
      ['same', '+2.00 KiB', '−2.00 KiB'],
    );
  });

  it('waits for both reports', () => {
    assert.equal(pairModel(paired('a', {}), paired('b')), undefined);
  });
});

describe('what offloading moves', () => {
  const moving = (ms: number): TransferModel | undefined => {
    const run = viewOf(shape);
    run.metrics.stepMs[run.metrics.step.indexOf(4)] = 200;
    return transferModel(Object.assign(run, { transfers: { step: 4, up: 3 * mib, down: 1024, ms } }));
  };

  it('is told with the wait and its share of the step', () => {
    assert.deepEqual(moving(9), {
      facts: [
        { label: 'Moved', value: '3.00 MiB up, 1.00 KiB down', note: 'for step 4' },
        { label: 'Waited', value: '9 ms', note: '4.5 % of the step' },
      ],
      notice: undefined,
    });
    assert.equal(transferModel(viewOf(shape)), undefined);
  });

  it('is said plainly when the wait is long', () => {
    assert.match(moving(60)?.notice ?? '', /^30 % of a step passes while the engine waits/);
    assert.match(moving(500)?.notice ?? '', /^Nearly all of a step/);
  });
});

describe('memory within a step', () => {
  const next = random(5);
  const points = Array.from({ length: 5000 }, (_, i): TimelinePoint => ({
    phase: i < 2000 ? 'forward' : i < 4900 ? 'backward' : 'optimizer',
    op: `layers.${i % 7}.mlp.down_proj`,
    activations: Math.floor(next() * 1000),
    workspace: Math.floor(next() * 1000),
  }));
  points[3210] = { phase: 'backward', op: 'layers.3.mlp.down_proj', activations: 4000, workspace: 4000 };
  const timeline = { points, fixed: { weights: 100, activations: 7 }, peak: { index: 3210, bytes: 8107 } };

  it('is thinned to the width and keeps the peak', () => {
    const { indices, bands } = timelineModel(timeline, 400);
    assert.ok(indices.length <= 801);
    assert.ok(indices.includes(3210));
    assert.deepEqual(
      bands.map(band => band.category),
      ['weights', 'activations', 'workspace'],
    );
    const at = indices.indexOf(3210);
    assert.deepEqual(
      bands.map(band => band.bytes[at]),
      [100, 4007, 4000],
    );
  });

  it('knows its phases and names its peak', () => {
    assert.deepEqual(timelineModel(timeline, 400).phases, [
      { phase: 'forward', from: 0, to: 1999 },
      { phase: 'backward', from: 2000, to: 4899 },
      { phase: 'optimizer', from: 4900, to: 4999 },
    ]);
    assert.equal(timelineSubtitle(timeline), 'peak 7.92 KiB in block 3 · mlp.down_proj · backward');
    assert.equal(describeOp('lm_head.loss'), 'lm_head.loss');
    assert.equal(describeOp('model.layers.12.self_attn.q_proj'), 'block 12 · self_attn.q_proj');
    assert.equal(describeOp('h.0.attn'), 'block 0 · attn');
  });

  it('lists the fullest dispatches in order', () => {
    const { rows } = timelineTable(timeline, 20);
    assert.equal(rows.length, 20);
    assert.ok(rows.some(row => row[0] === '3211'));
    assert.ok(rows.every((row, i) => i === 0 || Number(row[0]) > Number(rows[i - 1][0])));
    assert.equal(timelineTable(timeline).rows.length, 5000);
  });
});

describe('marks of a step', () => {
  const point = (phase: TimelinePoint['phase'], block: number): TimelinePoint => ({
    phase,
    op: `model.layers.${block}.mlp.act`,
    activations: 0,
    workspace: 0,
  });
  const step: Timeline = {
    points: [
      point('forward', 0),
      point('forward', 1),
      point('recompute', 1),
      point('recompute', 1),
      point('recompute', 0),
      point('backward', 0),
      point('recompute', 0),
    ],
    fixed: {},
    peak: { index: 3, bytes: 0 },
    transfers: [
      { kind: 'parameters', direction: 'up', what: 'block 1', bytes: 2048, index: 2 },
      { kind: 'optimizer', direction: 'down', what: 'gradients', bytes: 1024, index: 6 },
      { kind: 'activations', direction: 'down', what: 'block 1', bytes: 512, index: 5 },
    ],
    tensors: [
      { name: 'lm_head.logits', category: 'workspace', bytes: 4096, first: 0, last: 2 },
      {
        name: 'model.layers.0.mlp.act.d_model.layers.0.mlp.up_proj',
        category: 'workspace',
        bytes: 512,
        first: 2,
        last: 5,
      },
      { name: 'h.1.attn', category: 'activations', bytes: 256, first: 2, last: 3 },
    ],
  };

  it('shade what runs again, a block at a time', () => {
    assert.deepEqual(recomputed(step), [
      { from: 2, to: 3, label: 'block 1' },
      { from: 4, to: 4, label: 'block 0' },
      { from: 6, to: 6, label: 'block 0' },
    ]);
  });

  it('name what moves near the cursor, with the mean wait of the last listed step', () => {
    const list = [10, 30].map(
      ms => ({ kind: 'parameters', direction: 'up', what: 'block 1', bytes: 2048, ms }) as const,
    );
    assert.deepEqual(transfersAt(step, { list }, 3, 1), [
      { label: 'block 1 to the GPU', text: '2.00 KiB, waited 20 ms' },
    ]);
    assert.deepEqual(transfersAt(step, {}, 6, 0), [{ label: 'gradients to the host', text: '1.00 KiB' }]);
    assert.deepEqual(transfersAt(step, { list }, 5, 0), [{ label: 'input of block 1 to the host', text: '512 B' }]);
    assert.deepEqual(transfersAt(step, {}, 0, 1), []);
  });

  it('name the largest tensors alive', () => {
    assert.deepEqual(tensorsAt(step, 2, 2), [
      { label: 'lm_head.logits', text: '4.00 KiB' },
      { label: 'gradient of block 0 · mlp.up_proj', text: '512 B' },
    ]);
    assert.equal(tensorsAt(step, 3, 3).length, 2);
    assert.equal(describeTensor('h.1.attn'), 'block 1 · attn');
  });

  it('are summed up for screen readers, and listed in the table', () => {
    assert.equal(
      marksSummary(step),
      '2 blocks run again; 2.00 KiB to the GPU in 1 transfer; 1.50 KiB to the host in 2 transfers',
    );
    assert.equal(marksSummary(timeline()), '');
    assert.deepEqual(timelineTable(step).rows[2].slice(-2), [
      'lm_head.logits, 4.00 KiB',
      'block 1 to the GPU, 2.00 KiB',
    ]);
  });

  /** A run of an earlier build: points, and nothing about what stands behind them. */
  function timeline(): Timeline {
    return { points: [point('forward', 0)], fixed: {}, peak: { index: 0, bytes: 0 } };
  }
});
