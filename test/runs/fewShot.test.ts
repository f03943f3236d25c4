import { strict as assert } from 'node:assert';
import type { ImportanceTable } from '../../src/common/run/events';
import { drawShots } from '../../webview/engine/data/fewShot';
import { RunControl } from '../../webview/engine/train/control';
import type { Engine } from '../../webview/engine/train/engine';
import { cachedLogits } from '../../webview/engine/generate/nextLogits';
import { implicitNorm } from '../../webview/engine/train/implicitUpdate';
import { readModel } from '../../webview/engine/train/readModel';
import { eventsOf, runJob, smallJob, smallModel, type SmallFamily } from '../engine/smallRun';

const method = (shots: number, more: object = {}) => ({
  type: 'few-shot',
  shots,
  draws: 2,
  template: '{prompt} w9 {completion}',
  separator: ' w8 ',
  ...more,
});
const lines = (rows: readonly object[]) => new TextEncoder().encode(rows.map(row => JSON.stringify(row)).join('\n'));
const train = lines([1, 2, 3, 4, 5].map(i => ({ prompt: `w${i} w1${i}`, completion: `w2${i} w3${i}` })));
const evaluation = lines([6, 7, 4].map(i => ({ prompt: `w${i} w2`, completion: `w3${i}` })));

const job = (family: SmallFamily, shots: number, overrides: object = {}) =>
  smallJob(family, { method: method(shots), ...overrides }, { train, eval: evaluation });

describe('few-shot prompting', () => {
  for (const family of ['llama', 'gpt2'] as const)
    it(`evaluates ${family} without training, in the memory that was forecast`, async () => {
      const outputs = await runJob(job(family, 2));
      const [started] = eventsOf(outputs, 'started');
      assert.deepEqual([started.totalSteps, started.trainableParameters, started.evalRows], [0, 0, 3]);
      const [memory] = eventsOf(outputs, 'memory');
      assert.deepEqual(memory.measured, memory.forecast);
      assert.equal(memory.forecast.gradients, undefined);
      assert.ok((memory.forecast.kvCache ?? 0) > 0);
      assert.equal(eventsOf(outputs, 'metrics').length, 0);
      const evaluations = eventsOf(outputs, 'evaluation');
      assert.deepEqual(
        evaluations.map(({ step, draws }) => [step, draws?.length]),
        [
          [0, 1],
          [0, 2],
        ],
      );
      const [, last] = evaluations;
      const [first, second] = last.draws ?? [];
      assert.notDeepEqual(first.rows, second.rows);
      assert.ok(Math.abs(last.loss - (first.loss + second.loss) / 2) < 1e-12);
      // Three completions of one token and the end token.
      assert.equal(last.lossTokens, 6);
      assert.ok(Math.abs(first.logLikelihood + first.loss * 6) < 1e-12);
      assert.ok(last.exactMatch !== undefined && last.exactMatch >= 0 && last.exactMatch <= 1);
      const result = outputs.at(-1);
      assert.ok(result?.kind === 'result' && !result.stopped);
      assert.match(new TextDecoder().decode(result.files['shots-1.txt']), /^(w\d w1\d w9 w2\d w3\d w8 ){2}$/);
    });

  it('without shots evaluates as trained methods do before their first step', async () => {
    const bare = { template: '{prompt}{completion}', draws: 1 };
    const shown = eventsOf(await runJob(job('llama', 0, { method: method(0, bare) })), 'evaluation')[0];
    const untouched = smallJob(
      'llama',
      { method: { init_lora_weights: true }, training: { max_steps: 1, eval_exact_match: true } },
      { train, eval: evaluation },
    );
    const [before] = eventsOf(await runJob(untouched), 'evaluation');
    assert.equal(shown.loss, before.loss);
    assert.equal(shown.lossTokens, before.lossTokens);
    assert.equal(shown.exactMatch, before.exactMatch);
  });

  it('gives the loss that a row has when its shots are written into its prompt', async () => {
    const rows = drawShots(5, 2, 42, 0);
    const shots = rows.map(row => `w${row + 1} w1${row + 1} w9 w2${row + 1} w3${row + 1} w8 `).join('');
    const written = lines([6, 7, 4].map(i => ({ prompt: `${shots}w${i} w2 w9 `, completion: `w3${i}` })));
    const plain = smallJob(
      'gpt2',
      { method: method(0, { template: '{prompt}{completion}' }) },
      { train, eval: written },
    );
    const [expected] = eventsOf(await runJob(plain), 'evaluation');
    const [actual] = eventsOf(await runJob(job('gpt2', 2)), 'evaluation');
    assert.deepEqual(actual.draws?.[0].rows, rows);
    assert.equal(actual.draws?.[0].loss, expected.loss);
  });

  it('measures the rank-1 update that the shots stand for', async () => {
    const inputs: Float32Array[] = [];
    const inspect = async (engine: Engine) => {
      const step = new Uint32Array(48);
      const queries = [
        [6, 2],
        [1, 11, 9, 21, 31, 8, 6, 2],
      ];
      for (const query of queries) {
        await cachedLogits(engine, step).after(query);
        inputs.push(await engine.mlpInputs());
      }
    };
    const outputs = await runJob(job('llama', 1), { inspect });
    const [{ tables }] = eventsOf(outputs, 'importance');
    const table: ImportanceTable = tables[0];
    assert.deepEqual(
      [table.metric, table.modules, table.blocks],
      ['implicit_update', ['gate_proj', 'up_proj'], [0, 1]],
    );
    assert.ok(table.values.flat().every(value => value !== null && value > 0));
    const none = eventsOf(await runJob(job('llama', 0, { method: method(0) })), 'importance')[0].tables[0];
    assert.ok(none.values.flat().every(value => value === 0));
    checkTheorem(inputs[0].subarray(0, 24), inputs[1].subarray(0, 24));
  });

  it('stops between draws', async () => {
    const control = new RunControl(() => undefined);
    control.command('stop');
    const outputs = await runJob(job('llama', 1), { control });
    assert.equal(eventsOf(outputs, 'evaluation').length, 0);
    const result = outputs.at(-1);
    assert.ok(result?.kind === 'result' && result.stopped);
  });

  it('refuses what does not fit the model, and a run without evaluation rows', async () => {
    await assert.rejects(
      runJob(job('gpt2', 5, { method: method(5, { separator: ' w8 w8 w8 w8 w8 w8 ' }) })),
      /line 1: with its shots it has \d+ tokens/,
    );
    const without = smallJob('llama', { method: method(1), data: { eval: undefined } }, { train, eval: undefined });
    await assert.rejects(runJob(without), /nothing to evaluate/);
  });
});

/** (W + ΔW)·a = W·(a + ΔA) with ΔW = (W·ΔA)·aᵀ/‖a‖², and the norm is that of ΔW written out. */
function checkTheorem(without: Float32Array, shown: Float32Array): void {
  const weight = readModel(smallModel('llama')).weights.read('model.layers.0.mlp.gate_proj.weight');
  const [inner, out] = [24, 40];
  const length = without.reduce((sum, value) => sum + value * value, 0);
  const product = (row: number, x: (k: number) => number) =>
    Array.from({ length: inner }, (_, k) => weight[row * inner + k] * x(k)).reduce((sum, value) => sum + value, 0);
  let squares = 0;
  for (let row = 0; row < out; row++) {
    const delta = product(row, k => shown[k] - without[k]);
    const update = Array.from({ length: inner }, (_, k) => (delta * without[k]) / length);
    squares += update.reduce((sum, value) => sum + value * value, 0);
    const moved = product(row, k => without[k]) + update.reduce((sum, value, k) => sum + value * without[k], 0);
    assert.ok(Math.abs(moved - product(row, k => shown[k])) < 1e-9);
  }
  const norm = implicitNorm(new Float32Array(weight), { in: inner, out, layout: 'oi' }, { with: shown, without });
  assert.ok(Math.abs(norm - Math.sqrt(squares)) < 1e-9 * norm, `${norm} ${Math.sqrt(squares)}`);
}
