import assert from 'node:assert/strict';
import { problem } from '../../../src/common/errors';
import { protocolVersion, type DashboardSnapshot } from '../../../src/common/protocol';
import { defaultPreferences, parseSavedState, toggled, type SavedState } from '../../../webview/app/preferences';
import { Store, type AppState } from '../../../webview/app/store';
import { eventsOf, manifestOf, viewOf, type RunShape } from '../../app/fixtures';

const shape: RunShape = { name: 'run', steps: 40, done: 20, blocks: 2, evalEvery: 10 };
const whole: RunShape = { ...shape, done: 40 };
const { id } = manifestOf(shape);

/** A store whose frames are drawn by hand and whose host answers from a list. */
function createStore(
  answers: (() => DashboardSnapshot)[],
  saved: SavedState = { overlays: [], preferences: defaultPreferences },
) {
  const frames: (() => void)[] = [];
  const asked: (string | undefined)[] = [];
  const kept: SavedState[] = [];
  const seen: AppState[] = [];
  const store = new Store(
    {
      hydrate: runId => {
        asked.push(runId);
        const answer = answers.shift();
        return answer ? Promise.resolve().then(answer) : Promise.reject(problem('gone', 'Gone.', 'Look elsewhere.'));
      },
      save: state => kept.push(state),
      schedule: callback => frames.push(callback),
    },
    saved,
  );
  store.onDidChange(state => seen.push(state));
  const draw = (): number => frames.splice(0).map(frame => frame()).length;
  return { store, asked, kept, seen, draw };
}

const snapshot = (run: RunShape) => (): DashboardSnapshot => ({ version: protocolVersion, runs: [viewOf(run)] });
const laterEvents = () => eventsOf(whole).slice(viewOf(shape).seq);

describe('the store of the page', () => {
  it('asks for the run it showed before, and keeps what it shows', async () => {
    const { store, asked, kept } = createStore([snapshot(shape)], {
      runId: 'old',
      overlays: [],
      preferences: defaultPreferences,
    });
    assert.equal(store.state.phase, 'loading');
    await store.hydrate();
    assert.deepEqual(asked, ['old']);
    assert.equal(store.state.phase, 'ready');
    assert.equal(kept.at(-1)?.runId, id);
  });

  it('folds a burst of events and draws once', async () => {
    const { store, draw, seen } = createStore([snapshot(shape)]);
    await store.hydrate();
    draw();
    const before = seen.length;
    for (const event of laterEvents()) store.receive({ type: 'deltas', runId: id, events: [event] });
    assert.equal(draw(), 1);
    assert.equal(seen.length, before + 1);
    assert.deepEqual(store.state.runs[0], viewOf(whole));
  });

  it('skips what the snapshot already holds', async () => {
    const { store, asked } = createStore([snapshot(shape)]);
    await store.hydrate();
    store.receive({ type: 'deltas', runId: id, events: eventsOf(whole) });
    assert.deepEqual(store.state.runs[0], viewOf(whole));
    assert.equal(asked.length, 1);
  });

  it('asks for everything again after a gap, once', async () => {
    const { store, asked } = createStore([snapshot(shape), snapshot(whole)]);
    await store.hydrate();
    const later = laterEvents();
    store.receive({ type: 'deltas', runId: id, events: later.slice(1, 3) });
    store.receive({ type: 'deltas', runId: id, events: later.slice(4, 5) });
    await new Promise(resolve => setImmediate(resolve));
    assert.deepEqual(asked, [undefined, id]);
    assert.deepEqual(store.state.runs[0], viewOf(whole));
  });

  it('ignores runs that are not on show', async () => {
    const { store, asked } = createStore([snapshot(shape)]);
    await store.hydrate();
    store.receive({ type: 'deltas', runId: 'other', events: laterEvents() });
    assert.deepEqual(store.state.runs[0], viewOf(shape));
    assert.equal(asked.length, 1);
  });

  it('says when the host does not answer or is of another version', async () => {
    const { store } = createStore([]);
    await store.hydrate();
    assert.equal(store.state.phase, 'unreachable');
    assert.equal(store.state.failure?.hint, 'Look elsewhere.');
    store.receive({ type: 'snapshot', snapshot: { version: protocolVersion + 1, runs: [viewOf(shape)] } });
    assert.equal(store.state.phase, 'outdated');
    assert.deepEqual(store.state.runs, []);
    store.receive({ type: 'snapshot', snapshot: { version: protocolVersion, runs: [] } });
    assert.equal(store.state.phase, 'ready');
  });

  it('folds events of an overlay and keeps which runs are beside the main one, in their colours', async () => {
    const [second, third] = ['second', 'third'].map(name => ({ ...shape, name }));
    const all = { version: protocolVersion, runs: [viewOf(shape), viewOf(second), viewOf(third)] };
    const { store, kept } = createStore([() => all]);
    await store.hydrate();
    assert.deepEqual(kept.at(-1)?.overlays, [manifestOf(second).id, manifestOf(third).id]);
    assert.deepEqual(store.state.colours, ['blue', 'orange', 'green']);
    const events = eventsOf({ ...third, done: 40 }).slice(viewOf(third).seq);
    store.receive({ type: 'deltas', runId: manifestOf(third).id, events });
    assert.deepEqual(store.state.runs[2], viewOf({ ...third, done: 40 }));
    const fewer = { version: protocolVersion, runs: [viewOf(shape), viewOf(third)] };
    store.receive({ type: 'snapshot', snapshot: fewer });
    assert.deepEqual(store.state.colours, ['blue', 'green']);
    assert.deepEqual(kept.at(-1)?.overlays, [manifestOf(third).id]);
  });

  it('keeps preferences', async () => {
    const { store, kept } = createStore([snapshot(shape)]);
    await store.hydrate();
    store.setPreferences({ smoothing: 0.9 });
    assert.equal(kept.at(-1)?.preferences.smoothing, 0.9);
    assert.equal(kept.at(-1)?.runId, id);
  });
});

describe('saved state', () => {
  it('survives garbage and other builds', () => {
    for (const garbage of [undefined, null, 7, 'x', [], { preferences: 5 }, { preferences: { smoothing: 'a' } }]) {
      assert.deepEqual(parseSavedState(garbage), { runId: undefined, overlays: [], preferences: defaultPreferences });
    }
    const saved = {
      runId: 'a',
      preferences: { ...defaultPreferences, smoothing: 1.5, tables: ['loss', 3], heatRange: 'run' },
    };
    const { runId, overlays, preferences } = parseSavedState({ ...saved, overlays: ['b', 7] });
    assert.deepEqual(overlays, ['b']);
    assert.equal(runId, 'a');
    assert.equal(preferences.smoothing, defaultPreferences.smoothing);
    assert.deepEqual(preferences.tables, ['loss']);
    assert.equal(preferences.heatRange, 'run');
  });

  it('switches tables on and off', () => {
    assert.deepEqual(toggled(['loss'], 'memory', true), ['loss', 'memory']);
    assert.deepEqual(toggled(['loss'], 'loss', true), ['loss']);
    assert.deepEqual(toggled(['loss', 'memory'], 'loss', false), ['memory']);
  });
});
