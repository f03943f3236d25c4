import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { RunEvent, RunState } from '../../../src/common/run/events';
import { emptyView, fold, foldAll, timeLeft } from '../../../src/common/run/fold';
import { isRunId, makeRunId } from '../../../src/common/run/runId';
import { canMove, isActive, isResumable } from '../../../src/common/run/stateMachine';
import { summarize } from '../../../src/common/run/summary';
import { metrics, sampleManifest, stamped, started } from './sampleRun';

const manifest = sampleManifest();
const state = (to: RunState) => ({ type: 'state', state: to }) as const;
const checkpoint = (step: number, evalLoss?: number, best = false) =>
  ({ type: 'checkpoint', step, path: `checkpoints/step-${step}`, evalLoss, best }) as const;

describe('fold', () => {
  it('gathers a whole run', () => {
    const tables = [{ metric: 'gradient_norm', modules: ['q_proj'], blocks: [0], values: [[1]] }];
    const view = foldAll(
      manifest,
      stamped([
        state('starting'),
        started(0, 3),
        state('running'),
        { type: 'evaluation', step: 0, loss: 6, lossTokens: 9 },
        metrics(1),
        metrics(2),
        { type: 'importance', step: 2, tables },
        { type: 'sample', step: 2, prompt: 'p', completion: 'c', tokens: 1 },
        { type: 'memory', forecast: { weights: 4 }, measured: { weights: 4 } },
        metrics(3),
        checkpoint(3, 5, true),
        { type: 'exported', path: 'adapter' },
        state('completed'),
      ]),
    );
    assert.deepEqual(view.metrics.step, [1, 2, 3]);
    assert.deepEqual(view.evaluations, { step: [0], loss: [6], exactMatch: [null] });
    assert.deepEqual(view.importance, [{ step: 2, tables }]);
    assert.deepEqual(view.checkpoints, [{ step: 3, path: 'checkpoints/step-3', evalLoss: 5, best: true }]);
    assert.deepEqual(
      { state: view.state, seq: view.seq, step: view.step, total: view.totalSteps, startedAt: view.startedAt },
      { state: 'completed', seq: 13, step: 3, total: 3, startedAt: 2000 },
    );
    const summary = summarize(view);
    assert.deepEqual([summary.loss, summary.bestEvalLoss, summary.exported], [5 / 3, 6, 'adapter']);
  });

  it('forgets what lies after the step from which a run starts again', () => {
    const sample = (step: number) => ({ type: 'sample', step, prompt: 'p', completion: '', tokens: 0 }) as const;
    const evaluation = (step: number) => ({ type: 'evaluation', step, loss: step, lossTokens: 1 }) as const;
    const view = foldAll(
      manifest,
      stamped([
        started(),
        ...[1, 2, 3, 4].flatMap(step => [metrics(step), evaluation(step), sample(step), checkpoint(step)]),
        started(2),
        metrics(3, 0.5),
      ]),
    );
    assert.deepEqual(view.metrics.step, [1, 2, 3]);
    assert.equal(view.metrics.loss[2], 0.5);
    assert.equal(view.metrics.gradNorm.length, 3);
    assert.deepEqual(view.metrics.tokens, [64, 64, 64]);
    assert.deepEqual(view.metrics.stepMs, [10, 10, 10]);
    assert.deepEqual(view.evaluations.step, [1, 2]);
    assert.deepEqual([view.samples.length, view.checkpoints.length], [2, 2]);
  });

  it('takes an evaluation or a sample that is reported again in place of the first', () => {
    const sample = { type: 'sample', step: 1, prompt: 'p', completion: 'new', tokens: 1 } as const;
    const view = foldAll(
      manifest,
      stamped([
        { type: 'evaluation', step: 1, loss: 9, lossTokens: 1 },
        { type: 'evaluation', step: 1, loss: 3, lossTokens: 1 },
        { ...sample, completion: 'old' },
        sample,
      ]),
    );
    assert.deepEqual(view.evaluations, { step: [1], loss: [3], exactMatch: [null] });
    assert.deepEqual(
      view.samples.map(one => one.completion),
      ['new'],
    );
  });

  it('ignores events it has folded already', () => {
    const events = stamped([started(), metrics(1), metrics(2)]);
    const view = foldAll(manifest, [...events, ...events]);
    assert.deepEqual(view.metrics.step, [1, 2]);
  });

  it('keeps one best checkpoint and drops pruned ones', () => {
    const events = [checkpoint(1, 3, true), checkpoint(2, 2, true), checkpoint(3, 4)];
    const view = foldAll(manifest, stamped([...events, { type: 'pruned', steps: [1] }]));
    assert.deepEqual(
      view.checkpoints.map(one => [one.step, one.best]),
      [
        [2, true],
        [3, false],
      ],
    );
  });

  it('clears a problem when the run starts again and says a warning once', () => {
    const problem = { code: 'x', message: 'm', hint: 'h' };
    const view = foldAll(
      manifest,
      stamped([
        { type: 'warning', problem },
        { type: 'warning', problem },
        { type: 'state', state: 'failed', problem },
        state('starting'),
      ]),
    );
    assert.equal(view.problem, undefined);
    assert.deepEqual(view.warnings, [problem]);
  });

  it('knows the pace after three steps and is not misled by one slow step', () => {
    const view = foldAll(manifest, stamped([started(0, 10), state('running'), metrics(1, 1, 5000), metrics(2, 1, 10)]));
    assert.equal(timeLeft(view), undefined);
    const more = stamped([started(), state('running'), metrics(1), metrics(2), metrics(3, 1, 12)]);
    fold(view, more[4]);
    assert.equal(view.stepMs, 12);
    assert.equal(timeLeft(view), 7 * 12);
    fold(view, { ...state('paused'), seq: 6, time: 0 });
    assert.equal(timeLeft(view), undefined);
  });

  it('gives the same view whether events come at once or through a snapshot and deltas', () => {
    const steps = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(steps, fc.nat(40), fc.nat(40), (chosen, cut, overlap) => {
        const events = stamped([started(), ...chosen.map(step => (step % 7 === 0 ? started(step) : metrics(step)))]);
        const at = Math.min(cut, events.length);
        const view = structuredClone(foldAll(manifest, events.slice(0, at)));
        for (const event of events.slice(Math.max(0, at - overlap))) fold(view, event);
        assert.deepEqual(view, foldAll(manifest, events));
      }),
    );
  });

  it('keeps columns equally long and steps rising whatever comes', () => {
    const event = fc.oneof(
      fc.integer({ min: 0, max: 20 }).map(step => started(step)),
      fc.integer({ min: 1, max: 20 }).map(step => metrics(step)),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), events => {
        const { step, ...columns } = foldAll(manifest, stamped(events)).metrics;
        for (const column of Object.values(columns)) assert.equal(column.length, step.length);
        step.forEach((one, index) => assert.ok(index === 0 || one > step[index - 1]));
      }),
    );
  });

  it('starts empty', () => {
    const view = emptyView(manifest);
    assert.deepEqual([view.state, view.seq, view.metrics.step.length], ['queued', 0, 0]);
  });

  it('folds ten thousand events in well under a second of processor time', () => {
    const events: RunEvent[] = stamped(Array.from({ length: 10_000 }, (_, index) => metrics(index + 1)));
    const before = process.cpuUsage();
    foldAll(manifest, events);
    const { user, system } = process.cpuUsage(before);
    assert.ok(user + system < 1e6, `${user + system} µs`);
  });
});

describe('states', () => {
  it('let a run that ended start again unless it was completed', () => {
    const states: RunState[] = ['queued', 'running', 'paused', 'stopped', 'interrupted', 'failed', 'completed'];
    assert.deepEqual(states.filter(isResumable), ['stopped', 'interrupted', 'failed']);
    assert.deepEqual(states.filter(isActive), ['running', 'paused']);
  });

  it('allow no way out of completed and no way back from stopping', () => {
    assert.equal(canMove('completed', 'starting'), false);
    assert.equal(canMove('stopping', 'running'), false);
    assert.equal(canMove('running', 'paused'), true);
  });
});

describe('run ids', () => {
  it('sort by time and are safe as folder names', () => {
    const early = makeRunId('Devil: LoRA / Größe!', Date.UTC(2026, 0, 31, 17, 45, 2), 0.5);
    const late = makeRunId('a', Date.UTC(2026, 1, 1), 0);
    assert.equal(early, '20260131-174502-devil-lora-gro-e-i000');
    assert.ok(early < late);
    assert.ok(isRunId(early) && isRunId(late));
  });

  it('are made safe from any name', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (name, entropy) => isRunId(makeRunId(name, 0, entropy)),
      ),
    );
  });

  it('refuse what leaves the folder', () => {
    for (const id of ['', '.', '..', 'a/b', 'a\\b', '.hidden', 'a..b']) assert.equal(isRunId(id), false, id);
  });
});
