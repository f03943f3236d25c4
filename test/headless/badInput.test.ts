/** Every kind of input that cannot be trained on: one message with place and next step, and nothing is harmed. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { eventsOf, stateOf } from '../workbench/runs';
import { badAdapters, badData, badModels, badWeights, type BadCase } from './cases';
import { attempt, makeProject, snapshot } from './project';

async function check({ settings, damage, code, message }: BadCase): Promise<void> {
  const folder = makeProject();
  try {
    damage?.(folder);
    const before = snapshot(folder);
    const { problem, run } = await attempt(folder, settings ?? {});
    assert.ok(problem, 'it trained');
    assert.deepEqual([problem.code, message.test(problem.message)], [code, true], problem.message);
    assert.match(problem.hint, /^[A-Z].{8,}\.$/, 'a next step');
    assert.doesNotMatch(`${problem.message} ${problem.hint}`, /undefined|\[object|\bat .*:\d+:\d+/);
    if (run) {
      assert.equal(stateOf(run), 'failed');
      assert.deepEqual(eventsOf(run, 'state').at(-1)?.problem, problem);
    }
    const after = snapshot(folder);
    assert.deepEqual(Object.fromEntries(Object.keys(before).map(name => [name, after[name]])), before);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const groups = { data: badData, weights: badWeights, 'model folders': badModels, adapters: badAdapters };

for (const [what, cases] of Object.entries(groups)) {
  describe(`bad ${what}`, () => {
    for (const one of cases) it(one.title, () => check(one));
  });
}
