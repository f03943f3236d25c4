import assert from 'node:assert/strict';
import { groupVariants } from '../../../src/common/comparison/groups';
import { comparisonVersion, type ComparisonSnapshot } from '../../../src/common/comparison/protocol';
import { columnsFor, comparisonCsv, formatEstimate, sortGroups } from '../../../webview/app/compare/columns';
import { curveTable, meanCurve } from '../../../webview/app/compare/curves';
import { progressText } from '../../../webview/app/compare/headerView';
import { looksOf } from '../../../webview/app/compare/look';
import { defaultPreferences, parseSavedComparison } from '../../../webview/app/compare/preferences';
import { CompareStore, type CompareState } from '../../../webview/app/compare/store';
import { runOf, variantsFor } from '../comparison/runs';

const lora = [1, 2, 3].map(seed => runOf({ seed, losses: [6, 5, 4 + seed / 10] }));
const full = runOf({ method: { type: 'full' }, losses: [6, 3.5] });
const fewShot = runOf({ method: { type: 'few-shot' }, losses: [5.5] });
const variants = variantsFor(...lora, full, fewShot, 'prefix');
const groups = groupVariants(variants);

function snapshot(change: Partial<ComparisonSnapshot> = {}): ComparisonSnapshot {
  const listed = variants.map(({ group, label, seed, config }) => ({ group, label, seed, config }));
  const definition = {
    version: 1 as const,
    name: 'x',
    kind: 'methods' as const,
    question: '',
    base: 'b',
    variants: listed,
  };
  return { version: comparisonVersion, comparison: 'file:///c', definition, variants, ...change };
}

/** A store whose frames are taken at once, and what it told. */
async function storeOf(answer: ComparisonSnapshot | Error): Promise<{ store: CompareStore; saved: unknown[] }> {
  const saved: unknown[] = [];
  const store = new CompareStore(
    {
      hydrate: () => (answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)),
      save: state => saved.push(state),
      schedule: callback => callback(),
    },
    {},
  );
  await store.hydrate();
  return { store, saved };
}

describe('comparison page', () => {
  it('marks the fronts of finished trained groups only', () => {
    const fronts = Object.fromEntries(groups.map(group => [group.id, group.fronts]));
    assert.deepEqual(fronts, { lora: [], full: ['memory', 'time'], 'few-shot': [], prefix: [] });
  });

  it('sorts by any column, what has no value last', () => {
    const ids = (column: Parameters<typeof sortGroups>[1], descending = false) =>
      sortGroups(groups, column, descending).map(group => group.id);
    assert.deepEqual(ids('evalLoss'), ['full', 'lora', 'few-shot', 'prefix']);
    assert.deepEqual(ids('evalLoss', true), ['few-shot', 'lora', 'full', 'prefix']);
    assert.deepEqual(ids('label'), ['few-shot', 'full', 'lora', 'prefix']);
  });

  it('has a column for exact match only where it was counted', () => {
    const has = (shown: typeof groups) => columnsFor(shown).some(({ id }) => id === 'exactMatch');
    assert.equal(has(groups), false);
    assert.equal(has(groupVariants(variantsFor(runOf({ exactMatch: 0.5 })))), true);
  });

  it('writes every number in full to the CSV', () => {
    const table = comparisonCsv('x', groups);
    const column = (name: string) => table.columns.findIndex(({ label }) => label === name);
    assert.equal(table.rows[0][column('evalLoss')], String(groups[0].evalLoss?.mean));
    assert.equal(table.rows[0][column('evalLossHalf95')], String(groups[0].evalLoss?.half));
    assert.equal(table.rows[3][column('evalLoss')], '');
  });

  it('says intervals with the digits they have', () => {
    assert.equal(formatEstimate({ mean: 4.4123, n: 3, half: 0.0312 }), '4.412 ± 0.031');
    assert.equal(formatEstimate({ mean: 4.4123, n: 1 }), '4.412');
    assert.equal(formatEstimate(undefined), '–');
  });

  it('draws the mean of the seeds where all of them were evaluated', () => {
    const short = runOf({ seed: 4, losses: [6, 5] });
    const [group] = groupVariants(variantsFor(...lora, short));
    assert.deepEqual(meanCurve(group, 'evaluation'), [
      { x: 0, y: 6 },
      { x: 1, y: 5 },
    ]);
    const { columns, rows } = curveTable(groups, 'evaluation');
    assert.deepEqual(
      columns.map(({ label }) => label),
      ['step', 'lora', 'full', 'few-shot', 'prefix'],
    );
    assert.deepEqual(rows[2], ['2', '4.200', '–', '–', '–']);
  });

  it('gives ten methods ten looks that colour or dashes tell apart, before and after they ran', () => {
    const trained = Array.from({ length: 10 }, () => ({ trains: true }));
    const looks = looksOf([{ trains: false }, ...trained]);
    const seen = looks.map(({ colour, isRepeat }) => `${colour} ${isRepeat}`);
    assert.equal(new Set(seen).size, 11);
    const [waiting] = groupVariants(variantsFor('few-shot'));
    assert.deepEqual(looksOf([waiting]), looksOf([groups[2]]));
  });

  it('says how far it is', async () => {
    const { store } = await storeOf(snapshot());
    assert.equal(progressText(store.state), '5 of 6 runs done · 1 queued');
  });

  it('replaces variants as they change and keeps the rest', async () => {
    const { store, saved } = await storeOf(snapshot());
    const states: CompareState[] = [];
    store.onDidChange(state => states.push(state));
    const run = runOf({ method: { type: 'prefix' }, losses: [6, 5.2] });
    store.receive({ type: 'variants', variants: [{ ...variants[5], run, isQueued: false }] });
    assert.equal(states.at(-1)?.groups[3].evalLoss?.mean, 5.2);
    assert.equal(states.at(-1)?.groups[1], store.state.groups[1]);
    assert.deepEqual(saved.at(-1), { comparison: 'file:///c', preferences: defaultPreferences });
  });

  it('has words for a host of another version and for one that refuses', async () => {
    assert.equal((await storeOf(snapshot({ version: 0 }))).store.state.phase, 'outdated');
    const refused = (await storeOf(new Error('gone'))).store.state;
    assert.deepEqual([refused.phase, refused.failure?.message], ['unreachable', 'gone']);
  });

  it('reads back what it left and takes nothing that is not its own', () => {
    const preferences = {
      sort: { column: 'peak' as const, descending: true },
      curve: 'training' as const,
      curveTable: true,
    };
    assert.deepEqual(parseSavedComparison({ comparison: 'c', preferences }), { comparison: 'c', preferences });
    const odd = { comparison: 3, preferences: { sort: { column: 'x' }, curve: 1 } };
    assert.deepEqual(parseSavedComparison(odd), { comparison: undefined, preferences: defaultPreferences });
  });
});
