import assert from 'node:assert/strict';
import { runConfigSchema } from '../../../src/common/config/schema';
import type { RunState } from '../../../src/common/run/events';
import { factsOf } from '../../../webview/app/model/facts';
import { startMessage, stateMessage, waitingMessage } from '../../../webview/app/model/messages';
import {
  bestEvaluation,
  buttonsOf,
  describeConfig,
  describeDifferences,
  progressOf,
} from '../../../webview/app/model/run';
import { groupSamples } from '../../../webview/app/model/samples';
import { viewOf, type RunShape } from '../../app/fixtures';

const shape: RunShape = { name: 'run', steps: 200, done: 128, blocks: 4 };
const labels = (state: RunState): string[] => buttonsOf(viewOf({ ...shape, state })).map(button => button.label);

describe('a run in the header', () => {
  it('offers what its state allows, in places that do not move while it lives', () => {
    assert.deepEqual(labels('running'), ['Pause', 'Step', 'Stop']);
    assert.deepEqual(labels('paused'), ['Resume', 'Step', 'Stop']);
    assert.deepEqual(labels('stopping'), ['Pause', 'Step', 'Stopping']);
    assert.deepEqual(labels('interrupted'), ['Resume from step 100']);
    assert.deepEqual(labels('failed'), ['Resume from step 100']);
    const paused = buttonsOf(viewOf({ ...shape, state: 'paused' }));
    assert.equal(paused.find(button => button.label === 'Step')?.disabled, false);
    const running = buttonsOf(viewOf(shape));
    assert.equal(running.find(button => button.label === 'Step')?.disabled, true);
  });

  it('offers the result once it is there, and no resume of a finished run', () => {
    const done = viewOf({ ...shape, done: 200, state: 'completed' });
    assert.deepEqual(buttonsOf(done), [
      { label: 'Export adapter', icon: 'export', does: { action: 'exportAdapter' }, primary: true },
    ]);
    const full = viewOf({ ...shape, done: 200, state: 'completed', method: 'full' });
    assert.equal(buttonsOf(full)[0].label, 'Export model');
    assert.deepEqual(buttonsOf(viewOf({ ...shape, done: 20, state: 'failed' })), []);
  });

  it('says what the run is, or what differs from the one it is compared with', () => {
    const a = viewOf({ ...shape, rank: 16, budgetMib: 24 }).manifest.config;
    const b = viewOf(shape).manifest.config;
    assert.equal(describeConfig(a), 'LoRA r 16, α 32 · lr 1e-3 · builtin:tiny');
    assert.equal(describeConfig({ ...b, method: { type: 'full' } }), 'full fine-tuning · lr 1e-3 · builtin:tiny');
    const shots = runConfigSchema.shape.method.parse({ type: 'few-shot', shots: 2, draws: 1 });
    assert.equal(describeConfig({ ...b, method: shots }), 'few-shot prompting, 2 shots · builtin:tiny');
    assert.deepEqual(describeDifferences(a, b).sort(), ['budget_mib 24', 'lora_alpha 16 → 32', 'r 8 → 16']);
    assert.deepEqual(describeDifferences(b, a).sort(), ['lora_alpha 32 → 16', 'no budget_mib', 'r 16 → 8']);
    assert.deepEqual(describeDifferences({ ...b, name: 'x' }, { ...b, name: 'y' }), []);
  });

  it('knows how far it is and which evaluation was best', () => {
    assert.equal(progressOf(viewOf(shape)), 0.64);
    assert.equal(progressOf(viewOf({ ...shape, done: 0, state: 'starting' })), 0);
    const view = viewOf(shape);
    view.evaluations = { step: [0, 50, 100], loss: [5, 2, 2.5], exactMatch: [null, null, null] };
    assert.deepEqual(bestEvaluation(view), { step: 50, loss: 2 });
    view.evaluations = { step: [], loss: [], exactMatch: [] };
    assert.equal(bestEvaluation(view), undefined);
  });
});

describe('what the page says about a run', () => {
  it('explains a failure in the words of its problem', () => {
    const failed = viewOf({ ...shape, state: 'failed' });
    failed.problem = { code: 'x', message: 'The disk is full.', hint: 'Free 20 MiB.' };
    assert.deepEqual(stateMessage(failed), { tone: 'error', title: 'The disk is full.', detail: 'Free 20 MiB.' });
  });

  it('says from where an interrupted run goes on', () => {
    assert.match(stateMessage(viewOf({ ...shape, state: 'interrupted' }))?.detail ?? '', /checkpoint at step 100/);
    assert.match(stateMessage(viewOf({ ...shape, done: 10, state: 'interrupted' }))?.detail ?? '', /from step 0/);
    assert.equal(stateMessage(viewOf(shape)), undefined);
  });

  it('says what an empty card waits for, and no longer once the run has ended', () => {
    assert.match(startMessage(viewOf({ ...shape, done: 0, state: 'queued' })), /^Queued/);
    assert.match(startMessage(viewOf({ ...shape, done: 0, state: 'starting' })), /compiling/);
    assert.equal(waitingMessage(viewOf(shape), 'evaluation'), 'Comes with the first evaluation.');
    const ended = viewOf({ ...shape, state: 'stopped' });
    assert.equal(waitingMessage(ended, 'evaluation'), 'The run ended before its first evaluation.');
  });

  it('lists facts, leaving out what is not known yet', () => {
    const early = factsOf(viewOf({ ...shape, done: 0, state: 'queued' }), 0).map(fact => fact.label);
    assert.deepEqual(early, ['Model', 'Batch']);
    const run = viewOf(shape);
    const facts = new Map(factsOf(run, (run.startedAt ?? 0) + 65_000).map(fact => [fact.label, fact]));
    assert.deepEqual(facts.get('Trained'), {
      label: 'Trained',
      value: '98,304 of 1.15 M',
      note: '8.6 % of the parameters',
    });
    assert.equal(facts.get('Rows')?.note, '12 cut to length');
    assert.equal(facts.get('Batch')?.value, '4 × 2 = 8 rows');
    assert.equal(facts.get('Time')?.value, '1:05');
    assert.match(facts.get('Checkpoint')?.note ?? '', /^best at step 100/);
    assert.equal(facts.get('GPU')?.note, 'software, slow');
  });

  it('groups samples by prompt, the base first and the newest next', () => {
    const groups = groupSamples(viewOf(shape));
    assert.deepEqual(
      groups.map(group => group.prompt),
      ['Define LOVE:', 'Define POLITICIAN:'],
    );
    assert.equal(groups[0].base?.step, 0);
    assert.deepEqual(
      groups[0].trained.map(completion => completion.step),
      [100, 50],
    );
  });
});
