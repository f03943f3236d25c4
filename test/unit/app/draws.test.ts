import assert from 'node:assert/strict';
import { drawFacts, drawsNote, drawTable, spreadOf, spreadText } from '../../../webview/app/model/draws';
import { listedRows } from '../../../webview/app/model/samples';
import { viewOf } from '../../app/fixtures';

describe('few-shot draws', () => {
  const run = viewOf({ name: 'run', steps: 0, done: 0, blocks: 4, method: 'few-shot', state: 'completed' });

  it('have a mean and the standard deviation of a sample', () => {
    const spread = spreadOf([2, 4, 4, 6]);
    assert.equal(spread?.mean, 4);
    assert.ok(Math.abs((spread.sd ?? 0) - Math.sqrt(8 / 3)) < 1e-12);
    assert.deepEqual(spreadOf([3]), { mean: 3, n: 1 });
    assert.equal(spreadOf([]), undefined);
    assert.equal(spreadText({ mean: 6.25, sd: 0.125, n: 3 }), '6.250 ± 0.125');
    assert.equal(spreadText({ mean: 6.25, n: 1 }), '6.250');
  });

  it('are those of the latest evaluation, with the rows they showed', () => {
    assert.equal(run.draws?.length, 5);
    assert.deepEqual(
      drawFacts(run.draws ?? []).map(({ label }) => label),
      ['loss', 'log-likelihood', 'a token', 'exact match'],
    );
    assert.match(drawsNote(run), /^mean ± sample standard deviation, n = 5 draws of 4 shots$/);
    const table = drawTable(run);
    assert.equal(table.rows.length, 5);
    assert.equal(table.rows[0][4], run.draws?.[0].rows.map(row => row + 1).join(', '));
  });

  it('have no spread when there is one', () => {
    const single = { ...run, draws: run.draws?.slice(0, 1) };
    assert.match(drawsNote(single), /n = 1 draw of 4 shots; one draw has no spread/);
    assert.ok(drawFacts(single.draws ?? []).every(({ text }) => !text.includes('±')));
  });
});

describe('lists that are cut', () => {
  it('never hide a single row behind a button', () => {
    for (let count = 0; count < 12; count++) {
      const hidden = count - listedRows(count, 3);
      assert.ok(hidden === 0 || hidden >= 2, `${count} rows, ${hidden} hidden`);
    }
  });
});
