/** The numbers kept of full runs: those of the configs as they are, and they bear every claim out. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { readIdeas } from '../../lecture/ideas';
import { filled, lookupIn, resultsFile, staleRuns, verdicts, type Results } from '../../lecture/results';
import { withGallery } from '../../lecture/gallery';

const ideas = readIdeas('.');
const results = JSON.parse(readFileSync(resultsFile, 'utf8')) as Results;

describe('results of the lecture', () => {
  it('are those of the configs as they are', () => {
    assert.deepEqual(staleRuns('.', ideas, results), []);
  });

  it('bear every claim out, and say so when they do not', () => {
    const judged = verdicts(ideas, results);
    assert.deepEqual(
      judged.filter(({ held }) => !held).map(({ idea, says }) => `${idea}: ${says}`),
      [],
    );
    assert.ok(judged.length >= ideas.length);
    const { lora } = results.runs;
    const worse = { ...lora, measures: { ...lora.measures, evalLast: lora.measures.evalFirst } };
    const changed = verdicts(ideas, { ...results, runs: { ...results.runs, lora: worse } });
    assert.ok(changed.some(({ idea, held }) => idea === 'LoRA' && !held));
  });

  it('know when a run is missing or was made with another config', () => {
    const { lora, ...others } = results.runs;
    assert.deepEqual(staleRuns('.', ideas, { ...results, runs: others }), ['lora']);
    const other = { ...results.runs, lora: { ...lora, config: 'another' } };
    assert.deepEqual(staleRuns('.', ideas, { ...results, runs: other }), ['lora']);
  });

  it('have forecasts equal to what was measured', () => {
    for (const [name, { measures }] of Object.entries(results.runs)) assert.equal(measures.forecastError, 0, name);
  });

  it('fill sentences with numbers, and refuse names that do not exist', () => {
    const lookup = lookupIn({
      adapter: '',
      runs: { a: { config: '', measures: { loss: 4.236, bytes: 3 * 2 ** 20, count: 12345 } } },
    });
    assert.equal(filled('{a.loss | loss} of {a.count | count}', lookup), '4.24 of 12,345');
    assert.equal(filled('{a.bytes | mib}, {a.bytes / 3 | kib}', lookup), '3.0 MiB, 1024 KiB');
    assert.equal(filled('{a.loss / 8.472 | percent}, {a.count / 5000 | times}', lookup), '50 %, 2.5 times');
    assert.throws(() => filled('{b.loss | loss}', lookup), /no measure b\.loss/);
    assert.throws(() => filled('{a.loss | miles}', lookup), /no format "miles"/);
  });

  it('need the marks around the gallery', () => {
    assert.throws(() => withGallery('# README', ideas, results), /lacks the marks/);
  });
});
