import assert from 'node:assert/strict';
import { parseConfig } from '../../../src/common/config/parse';
import { peakText } from '../../../src/common/config/peakText';
import type { Changes } from '../../../src/common/estimate/changes';
import { changedText } from '../../../src/common/estimate/changedText';
import type { EstimateNumbers, EstimateQuestion, EstimateSnapshot } from '../../../src/common/estimate/protocol';
import { estimateSnapshot } from '../../../src/common/estimate/snapshot';
import { baseAs } from '../../../src/common/comparison/variants';
import { barsModel, barsTable, deltaText, statusText, verdictOf } from '../../../webview/app/estimate/model';
import { parseSavedEstimate, type SavedEstimate } from '../../../webview/app/estimate/saved';
import { EstimateStore, numbersOf } from '../../../webview/app/estimate/store';
import { around, config, llama } from '../config/surroundings';

const facts = around(llama);
const budgeted = config({ 'memory.budget_mib': 8 });
const planned = (text: string, { changes, scenarios }: Omit<EstimateQuestion, 'config'>): EstimateSnapshot =>
  estimateSnapshot({ address: 'file:///a.peft.yaml', fileName: 'a', parsed: parseConfig(text) }, facts, {
    changes,
    scenarios,
  });
const numbersFor = (changes: Changes, scenarios: Changes[] = [], text = budgeted): EstimateNumbers => {
  const numbers = numbersOf({ snapshot: planned(text, { changes, scenarios }) });
  assert.ok(numbers);
  return numbers;
};
const nf4: Changes = { 'memory.quantization': 'nf4' };
const block: Changes = { 'memory.gradient_checkpointing': 'block' };

describe('the bars of the estimate page', () => {
  it('stand for the config, the toggles and each scenario on one scale', () => {
    const { rows, scale, categories } = barsModel(numbersFor(nf4, [block]), nf4, [block]);
    assert.deepEqual(
      rows.map(({ title, changes }) => [title, changes]),
      [
        ['As it is', ''],
        ['With these changes', 'quantization nf4'],
        ['Scenario 1', 'gradient_checkpointing block'],
      ],
    );
    assert.ok(rows.every(({ outcome }) => (outcome.estimate?.total ?? 0) <= scale));
    assert.ok(rows[1].delta !== undefined && rows[1].delta < 0);
    assert.deepEqual(
      rows.map(({ time }) => time),
      [undefined, undefined, 'about +50 % time'],
    );
    assert.equal(rows[0].delta, undefined);
    assert.ok(categories.includes('activations'));
    assert.deepEqual(
      rows.map(({ namesBudget }) => namesBudget),
      [true, false, false],
    );
  });

  it('show toggles that are kept as a scenario once', () => {
    const { rows } = barsModel(numbersFor(nf4, [nf4]), nf4, [nf4]);
    assert.deepEqual(
      rows.map(({ title }) => title),
      ['As it is', 'Scenario 1'],
    );
  });

  it('leave out a budget that would squeeze them', () => {
    const roomy = config({ 'memory.budget_mib': 4096 });
    const { scale } = barsModel(numbersFor({}, [], roomy), {}, []);
    assert.ok(scale < 4096 * 2 ** 20);
  });

  it('have a table with every byte', () => {
    const model = barsModel(numbersFor(block), block, []);
    const table = barsTable(model);
    const row = (label: string) => table.rows.find(([name]) => name === label)?.slice(1);
    const totals = model.rows.map(({ outcome }) => String(outcome.estimate?.total));
    assert.deepEqual(row('GPU total'), totals);
    const sum = table.rows
      .filter(([name]) => model.categories.some(category => category === name || name === 'KV cache'))
      .reduce((all, cells) => all + Number(cells[1]), 0);
    assert.equal(String(sum), totals[0]);
  });

  it('say whether it fits', () => {
    const { asIs } = numbersFor({});
    const total = asIs.estimate?.total ?? 0;
    const at = (budget?: number) => verdictOf({ ...asIs, budget });
    assert.deepEqual(at(total * 2), { tone: 'good', text: 'fits, 50 % of the budget' });
    assert.equal(at(total * 1.05).tone, 'warning');
    assert.deepEqual(at(total - 2048), { tone: 'error', text: '2.00 KiB over the budget' });
    assert.equal(at().tone, 'neutral');
    assert.equal(verdictOf({ ...asIs, estimate: undefined }).text, 'cannot be planned');
    assert.equal(deltaText(-2048), '−2.00 KiB');
    assert.equal(deltaText(0), 'the same');
    assert.match(statusText(numbersFor(nf4)), /^[\d.]+ MiB on the GPU → [\d.]+ MiB \(−[\d.]+ [KM]iB\), /);
  });

  it('name the op at the peak without the path of its block', () => {
    const peak = { op: 'model.layers.3.mlp.act', block: 3, phase: 'backward', bytes: 1 } as const;
    assert.equal(peakText(peak), 'mlp.act of block 3, backward');
    assert.equal(peakText({ ...peak, op: 'lm_head', block: undefined }), 'lm_head, backward');
  });
});

describe('the store of the estimate page', () => {
  /** A store whose host plans a text that Apply may change; `release` lets its answers through. */
  function createStore(saved: Partial<SavedEstimate> = {}) {
    const host = { text: budgeted, asked: [] as EstimateQuestion[], kept: [] as SavedEstimate[] };
    let gate = Promise.resolve();
    let release: () => void = () => undefined;
    const store = new EstimateStore(
      {
        estimate: async question => {
          host.asked.push(question);
          await gate;
          return planned(host.text, question);
        },
        save: state => host.kept.push(state),
        schedule: callback => callback(),
      },
      { changes: {}, scenarios: [], table: false, ...saved },
    );
    const hold = (): void => {
      gate = new Promise(resolve => (release = resolve));
    };
    return { store, host, hold, release: () => release() };
  }

  it('asks once more after a burst, about where the toggles ended', async () => {
    const { store, host, hold, release } = createStore();
    hold();
    const done = store.ask();
    for (const length of [60, 50, 40]) store.setChange('data.max_length', length);
    assert.equal(host.asked.length, 1);
    release();
    await done;
    assert.deepEqual(
      host.asked.map(({ changes }) => changes),
      [{}, { 'data.max_length': 40 }],
    );
  });

  it('drops a toggle that is back where the config is, and those of the method before', async () => {
    const { store } = createStore();
    await store.ask();
    store.setChange('method.r', 4);
    store.setChange('method.r', 8);
    assert.deepEqual(store.state.changes, {});
    store.setChange('method.r', 4);
    store.setChange('memory.quantization', 'nf4');
    store.setChange('method.type', 'prefix');
    assert.deepEqual(store.state.changes, { ...nf4, 'method.type': 'prefix' });
  });

  it('has no changes left once the config says the same', async () => {
    const { store, host } = createStore({ changes: { ...nf4, ...block } });
    await store.ask();
    const { value } = parseConfig(host.text);
    assert.ok(value);
    host.text = changedText(baseAs(host.text, value, facts), nf4);
    await store.ask();
    assert.deepEqual(store.state.changes, block);
  });

  it('keeps scenarios, takes one up again and removes one', async () => {
    const { store, host } = createStore({ changes: nf4 });
    await store.ask();
    store.addScenario();
    store.reset();
    store.setChange('memory.gradient_checkpointing', 'block');
    store.addScenario();
    await new Promise(resolve => setTimeout(resolve));
    assert.equal(numbersOf(store.state)?.scenarios.length, 2);
    store.useScenario(0);
    assert.deepEqual(store.state.changes, nf4);
    store.removeScenario(0);
    assert.deepEqual(store.state.scenarios, [block]);
    assert.deepEqual(host.kept.at(-1)?.scenarios, [block]);
  });

  it('says why there is nothing, and keeps the numbers when a later question fails', async () => {
    const store = new EstimateStore(
      {
        estimate: () => Promise.reject(new Error('gone')),
        save: () => undefined,
        schedule: callback => callback(),
      },
      parseSavedEstimate(undefined),
    );
    await store.ask();
    assert.equal(store.state.phase, 'unreachable');
    assert.match(store.state.failure?.message ?? '', /gone/);
  });

  it('reads what another build left', () => {
    assert.deepEqual(parseSavedEstimate({ config: 3, changes: 'x', scenarios: [null, nf4], table: 1 }), {
      config: undefined,
      changes: {},
      scenarios: [{}, nf4],
      table: false,
    });
  });
});
