import assert from 'node:assert/strict';
import type { ForecastFacts } from '../../../src/common/config/facts';
import { applyFix } from '../../../src/common/config/fix';
import { memoryTable } from '../../../src/common/config/memoryTable';
import { parseConfig } from '../../../src/common/config/parse';
import { lintContext } from '../../../src/common/config/rule';
import { savedHere } from '../../../src/common/config/savedHere';
import { searchFit, type Fit } from '../../../src/common/config/savings/fit';
import { savingsOf, withSavings, type Saving } from '../../../src/common/config/savings/options';
import { editsOf } from '../../../src/common/config/savings/remedies';
import { weigh } from '../../../src/common/config/savings/weigh';
import { hasRoom, verdictOf } from '../../../src/common/config/verdict';
import { around, config, found, full, llama } from './surroundings';

const batch = { 'training.per_device_train_batch_size': 8, 'data.max_length': 256 };

function contextOf(changes: Record<string, unknown>) {
  const parsed = parseConfig(config({ ...batch, ...changes }));
  assert.ok(parsed.value, JSON.stringify(parsed.problems));
  return lintContext(parsed.value, parsed, around(llama));
}

function planOf(changes: Record<string, unknown>): ForecastFacts {
  const { config: value, facts } = contextOf(changes);
  const plan = facts.forecast?.(value);
  assert.ok(plan && !('problem' in plan));
  return plan;
}

function fitOf(changes: Record<string, unknown>): Fit {
  const search = searchFit(contextOf(changes));
  for (;;) {
    const step = search.next();
    if (step.done === true) return step.value;
  }
}

describe('fit to budget', function () {
  this.timeout(60_000);

  it('finds nothing cheaper than what a search of all sets finds', () => {
    // Other techniques are in use already, so that there are few sets to plan.
    const used = { 'memory.quantization': 'nf4', 'memory.offload': { parameters: 'cpu' } };
    for (const mib of [20, 12]) {
      const context = contextOf({ ...used, 'memory.budget_mib': mib });
      const kinds = new Map<string, (Saving | undefined)[]>();
      for (const saving of savingsOf(context))
        kinds.set(saving.kind, [...(kinds.get(saving.kind) ?? [undefined]), saving]);
      const sets = [...kinds.values()].reduce<Saving[][]>(
        (all, ways) => all.flatMap(set => ways.map(way => (way ? [...set, way] : set))),
        [[]],
      );
      const prices = sets.flatMap(set => {
        const one = weigh(context, set);
        return one && hasRoom(one.forecast, context.config.memory) ? [one.price] : [];
      });
      const fit = fitOf({ ...used, 'memory.budget_mib': mib });
      assert.ok('found' in fit && prices.length > 0, `${mib} MiB`);
      assert.equal(fit.found.price, Math.min(...prices));
      assert.ok(hasRoom(fit.found.forecast, { budget_mib: mib }));
    }
  });

  it('keeps the rows of an optimizer step, and the text around what it changes', () => {
    const context = contextOf({ 'memory.budget_mib': 12 });
    const fit = fitOf({ 'memory.budget_mib': 12 });
    assert.ok('found' in fit);
    const text = applyFix(context.parsed.text, { title: '', edits: editsOf(fit.found.savings) });
    const after = parseConfig(text);
    assert.ok(after.value);
    assert.equal(lintContext(after.value, after, {}).plan.effectiveBatch, context.plan.effectiveBatch);
    assert.match(text, /# keep max_length/);
    assert.deepEqual(
      found(text, around(llama)).filter(({ code }) => code === 'M05'),
      [],
    );
  });

  it('tells the least that can be reached where nothing fits', () => {
    const fit = fitOf({ 'memory.budget_mib': 1 });
    assert.ok(!('found' in fit));
    assert.ok(fit.nearest && fit.nearest.forecast.total > 2 ** 20);
    assert.ok(fit.nearest.forecast.total < planOf({}).total / 2);
  });

  it('leaves the method as it is', () => {
    const fit = fitOf({ ...full, 'memory.budget_mib': 16 });
    const savings = 'found' in fit ? fit.found.savings : (fit.nearest?.savings ?? []);
    assert.ok(savings.length > 0 && savings.every(({ kind }) => kind !== 'method'));
  });
});

describe('what memory fixes say', function () {
  this.timeout(20_000);

  it('names saving and cost, cheapest first', () => {
    const text = config({ ...batch, 'memory.budget_mib': 60 });
    const fixes = found(text, around(llama)).find(({ code }) => code === 'M05')?.fixes ?? [];
    const titles = fixes.map(({ title }) => title);
    const block = titles.find(title => title.startsWith('Enable block checkpointing: '));
    const { value } = parseConfig(text);
    assert.ok(value && block, titles.join('\n'));
    const saved = planOf({}).total - planOf({ 'memory.gradient_checkpointing': 'block' }).total;
    assert.equal(block, `Enable block checkpointing: −${(saved / 2 ** 20).toPrecision(3)} MiB, about +50 % time`);
    assert.equal(fixes.filter(({ preferred }) => preferred === true).length, 1);
    assert.equal(fixes[0].preferred, true);
  });

  it('offers several at once, and the single ones as what they leave, where none is enough', () => {
    const text = config({ ...batch, 'memory.budget_mib': 14 });
    const fixes = found(text, around(llama)).find(({ code }) => code === 'M05')?.fixes ?? [];
    assert.match(fixes[0].title, / and .*: −/);
    assert.ok(fixes.slice(1).some(({ title }) => /, still [\d.]+ MiB$/.test(title)));
    const after = applyFix(text, fixes[0]);
    assert.deepEqual(
      found(after, around(llama)).filter(({ code }) => code === 'M05'),
      [],
    );
  });

  it('counts transfers in the time once a run has shown what they cost', () => {
    const context = contextOf({});
    const offload = savingsOf(context).find(({ kind }) => kind === 'offload.parameters');
    assert.ok(offload);
    const unknown = weigh(context, [offload]);
    assert.ok(unknown && !unknown.complete && unknown.ratio === 1);
    const next = withSavings(context.config, [offload]);
    const plan = context.facts.forecast?.(next);
    assert.ok(plan && !('problem' in plan));
    // As long for what travels as for the two passes of the step.
    const tokens = 256 * 8;
    const work = 1000;
    const waitPerByte = (2 * tokens * plan.totalParameters) / work / plan.transfers.up;
    const measured = { ...context, facts: { ...context.facts, rates: { work, waitPerByte } } };
    const known = weigh(measured, [offload]);
    assert.ok(known?.complete && Math.abs(known.ratio - 2) < 1e-9);
  });
});

describe('verdict', () => {
  it('is tight above nine tenths of the budget and over above it', () => {
    const { total } = planOf({});
    const mib = total / 2 ** 20;
    const kindOf = (budget_mib?: number) => verdictOf(planOf({}), { budget_mib }).kind;
    assert.deepEqual([mib * 1.2, mib * 1.05, mib * 0.95, undefined].map(kindOf), ['fits', 'tight', 'over', 'open']);
    const problem = { code: 'memory.binding', message: '', hint: '' };
    assert.equal(verdictOf({ problem }, {}).kind, 'refused');
  });
});

describe('memory in the editor', () => {
  it('is a table whose rows add up to the total', () => {
    const text = config({ ...batch, 'memory.budget_mib': 500, 'memory.offload': { parameters: 'cpu' } });
    const table = memoryTable(parseConfig(text), around(llama)) ?? '';
    const rows = [...table.matchAll(/^\| (?<name>[\w ]+) \| (?<size>[\d.]+) \| (?<place>\w+) \|$/gm)].map(
      ({ groups }) => groups ?? {},
    );
    const onGpu = rows.filter(({ place }) => place === 'GPU').reduce((sum, { size }) => sum + Number(size), 0);
    const total = planOf({ 'memory.offload': { parameters: 'cpu' } }).total / 2 ** 20;
    assert.ok(Math.abs(onGpu - total) < 0.1, `${onGpu} of ${total}`);
    assert.ok(rows.some(({ name, place }) => name === 'offloaded to CPU' && place === 'host'));
    assert.match(table, /\*\* of 500 \| GPU, fits the budget \|/);
    assert.match(table, /Each step sends [\d.]+ MiB to the GPU and 0\.00 MiB back\./);
  });

  it('says behind each technique what it saves', () => {
    const changes = { 'memory.gradient_checkpointing': 'block', 'memory.quantization': 'nf4' };
    const { config: value, facts } = contextOf(changes);
    const saved = savedHere(value, facts);
    assert.deepEqual(
      saved.map(({ path }) => path.join('.')),
      ['memory.quantization', 'memory.gradient_checkpointing'],
    );
    const without = planOf({ 'memory.quantization': 'nf4' }).total - planOf(changes).total;
    assert.equal(saved[1].text, `−${(without / 2 ** 20).toPrecision(3)} MiB`);
  });
});
