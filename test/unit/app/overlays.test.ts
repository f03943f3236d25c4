import assert from 'node:assert/strict';
import { maxOverlays, Overlays, parsePanelState } from '../../../src/dashboard/overlays';
import {
  assignColours,
  longestSteps,
  overlayHint,
  runColours,
  runLabels,
  type RunColour,
} from '../../../webview/app/model/overlays';
import { viewOf, type RunShape } from '../../app/fixtures';

const shape: RunShape = { name: 'a', steps: 40, done: 20, blocks: 2 };

/** Checked runs, and how often somebody was told. */
function createOverlays(): { overlays: Overlays; told: () => number } {
  const overlays = new Overlays();
  let count = 0;
  overlays.onDidChange(() => count++);
  return { overlays, told: () => count };
}

describe('runs checked for the charts', () => {
  it('stand beside every run but themselves, in order of checking', () => {
    const { overlays, told } = createOverlays();
    overlays.set(['b'], true);
    overlays.set(['a', 'b'], true);
    assert.deepEqual(overlays.ids, ['b', 'a']);
    assert.deepEqual(overlays.beside('b'), ['a']);
    assert.deepEqual(overlays.beside('c'), ['b', 'a']);
    overlays.set(['b'], false);
    overlays.set(['b'], false);
    assert.deepEqual(overlays.ids, ['a']);
    assert.equal(told(), 3);
  });

  it('are refused when there are more than colours, and stay as they were', () => {
    const { overlays } = createOverlays();
    const ids = Array.from({ length: maxOverlays + 2 }, (_, i) => String(i));
    assert.throws(() => overlays.replace(ids), /7 runs in one chart/);
    assert.deepEqual(overlays.ids, []);
    overlays.replace(ids.slice(1));
    assert.throws(() => overlays.set(['0'], true), /cannot be told apart/);
    assert.deepEqual(overlays.ids, ids.slice(1));
    assert.equal(overlays.beside('none of them').length, maxOverlays);
    assert.equal(maxOverlays + 1, runColours.length);
  });

  it('come back from panels of the last session, and go with their runs', () => {
    const { overlays, told } = createOverlays();
    overlays.restore(['a', 'b']);
    overlays.restore(['b', 'c', 'd', 'e', 'f', 'g', 'h']);
    assert.deepEqual(overlays.ids, ['a', 'b', 'c', 'd', 'e', 'f']);
    overlays.prune(id => id < 'c');
    assert.deepEqual(overlays.ids, ['a', 'b']);
    overlays.prune(() => true);
    assert.equal(told(), 3);
    const remembered = new Overlays(['z']);
    remembered.restore(['a']);
    assert.deepEqual(remembered.ids, ['z']);
  });

  it('are read from the state of a panel, whatever wrote it', () => {
    assert.deepEqual(parsePanelState({ runId: 'a', overlays: ['b', 5] }), { runId: 'a', overlays: ['b'] });
    for (const garbage of [undefined, null, 3, { runId: 4, overlays: 'b' }])
      assert.deepEqual(parsePanelState(garbage), { runId: undefined, overlays: [] });
  });
});

describe('overlays in the page', () => {
  it('keep their colours while others come and go', () => {
    const before = new Map<string, RunColour>([
      ['main', 'blue'],
      ['b', 'orange'],
      ['c', 'green'],
    ]);
    assert.deepEqual(assignColours(['main', 'c'], before), ['blue', 'green']);
    assert.deepEqual(assignColours(['main', 'c', 'd', 'e'], before), ['blue', 'green', 'orange', 'purple']);
    assert.deepEqual(assignColours(['c', 'main'], before), ['blue', 'orange']);
    const six = ['main', '1', '2', '3', '4', '5'];
    assert.equal(new Set(assignColours(six, new Map())).size, 6);
  });

  it('are called by name, and by their time where names repeat', () => {
    const runs = [viewOf(shape), viewOf({ ...shape, name: 'b' }), viewOf({ ...shape, created: 5 })];
    const minute = (time: number): string => `:${new Date(time).getUTCMinutes()}`;
    assert.deepEqual(runLabels(runs, minute), ['a (:0)', 'b', 'a (:5)']);
    assert.equal(overlayHint(runs[1], runs[0]), 'same config as a');
    assert.match(overlayHint(viewOf({ ...shape, rank: 16 }), runs[0]), /^r 8 → 16/);
  });

  it('lend the cursor the steps of the run that came farthest', () => {
    const [short, long] = [viewOf(shape), viewOf({ ...shape, done: 40 })];
    assert.equal(longestSteps([short, long]).length, 40);
    assert.equal(longestSteps([long, short]).length, 40);
    assert.deepEqual(longestSteps([viewOf({ ...shape, done: 0, state: 'queued' })]), []);
  });
});
