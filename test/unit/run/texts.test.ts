import assert from 'node:assert/strict';
import { parseConfig } from '../../../src/common/config/parse';
import { newConfigText } from '../../../src/common/config/newConfig';
import { formatDuration, formatLoss, percentDone, runDetail } from '../../../src/explorer/format';
import { foldAll } from '../../../src/common/run/fold';
import { metrics, sampleManifest, stamped, started } from './sampleRun';

describe('texts about runs', () => {
  it('give durations in the unit a person would use', () => {
    assert.deepEqual([-5, 0, 59_400, 60_000, 59 * 60_000, 125 * 60_000].map(formatDuration), [
      '0 s',
      '0 s',
      '59 s',
      '1 min',
      '59 min',
      '2 h 05 min',
    ]);
  });

  it('give losses four digits', () => {
    assert.deepEqual([1.92345, 0.01234567, 12345, NaN].map(formatLoss), ['1.923', '0.01235', '1.23e+4', 'NaN']);
  });

  it('never claim to be done early', () => {
    assert.deepEqual(
      [
        { step: 199, totalSteps: 200 },
        { step: 200, totalSteps: 200 },
        { step: 1, totalSteps: 0 },
      ].map(percentDone),
      [99, 100, undefined],
    );
  });

  it('leave out what is not known yet', () => {
    const view = foldAll(sampleManifest(), stamped([started(0, 10), { type: 'state', state: 'running' }]));
    assert.equal(runDetail(view), '');
    const events = [
      started(0, 10),
      { type: 'state', state: 'running' } as const,
      metrics(1),
      metrics(2),
      metrics(3, 2, 5000),
    ];
    assert.equal(
      runDetail(foldAll(sampleManifest(), stamped(events))),
      'loss\u00a02.000 · 6400\u00a0tokens/s · 0\u00a0s',
    );
  });
});

describe('new config', () => {
  const cases = [
    { name: 'my-lora', method: 'lora', model: 'builtin:tiny', train: 'data/train.jsonl' },
    { name: 'true', method: 'full', model: './models/my model', train: 'Größe #1: "x".jsonl' },
    { name: '007', method: 'lora', model: './-', train: 'a:' },
  ] as const;
  for (const choices of cases) {
    it(`for ${choices.name} can be run as it is and says what was chosen`, () => {
      const { value, problems } = parseConfig(newConfigText(choices));
      assert.deepEqual(problems, []);
      const { name, method, model, data } = value ?? assert.fail();
      assert.deepEqual({ name, method: method.type, model, train: data.train }, { ...choices });
    });
  }
});
