import assert from 'node:assert/strict';
import { currentValue, proposedValues, readValues, sweepableKeys } from '../../../src/commands/sweepValues';
import type { ComparisonDefinition } from '../../../src/common/comparison/definition';
import { isMissing } from '../../../src/common/comparison/protocol';
import { runConfigSchema } from '../../../src/common/config/schema';
import { ComparisonReader } from '../../../src/comparison/reader';
import type { QueueItem } from '../../../src/runs/queue';
import { createRun } from '../../../src/runs/runFolder';
import { RunStore } from '../../../src/runs/store';
import { MemoryFiles } from '../run/memoryFiles';
import { metrics, sampleManifest, started } from '../run/sampleRun';

const place = { root: 'w', folder: 'comparisons/x' };
const definition: ComparisonDefinition = {
  version: 1,
  name: 'x',
  kind: 'methods',
  question: '',
  base: '../../b.peft.yaml',
  variants: ['a', 'b'].map(name => ({ group: name, label: name, seed: 1, config: `${name}.peft.yaml` })),
};

/** A run of one config at rest. */
async function writeRun(files: MemoryFiles, id: string, configPath: string, createdAt: number): Promise<void> {
  let now = createdAt;
  const manifest = sampleManifest({ id, configPath, createdAt });
  const writer = await createRun(files, `.peft/runs/${id}`, { manifest, configText: 'x' }, () => now++);
  await writer.append([started(0, 1), metrics(1), { type: 'state', state: createdAt > 1 ? 'completed' : 'failed' }]);
  await writer.close();
}

describe('what became of the variants', () => {
  it('is the newest run of their config in this folder, or their place in the queue', async () => {
    const files = new MemoryFiles();
    await writeRun(files, 'old', 'comparisons/x/a.peft.yaml', 1);
    await writeRun(files, 'new', 'comparisons/x/a.peft.yaml', 2000);
    await writeRun(files, 'elsewhere', 'comparisons/y/b.peft.yaml', 3000);
    const store = new RunStore([{ key: 'w', files }], () => 9);
    await store.refresh();
    const item: QueueItem = {
      id: 'q',
      name: 'b',
      folder: 'w',
      configPath: 'comparisons/x/b.peft.yaml',
      configText: '',
      addedAt: 1,
    };
    const queue = { items: [item] };
    const reader = new ComparisonReader(store, queue, problem => assert.fail(problem.message));
    const [a, b] = await reader.read(definition, place);
    assert.deepEqual([a.run?.id, a.run?.state, a.isQueued], ['new', 'completed', false]);
    assert.deepEqual([b.run, b.isQueued], [undefined, true]);
    assert.deepEqual([isMissing(a), isMissing(b)], [false, false]);

    queue.items = [];
    const [again, free] = await reader.read(definition, place);
    assert.equal(again.run, a.run, 'a run that did not change is read once');
    assert.equal(isMissing(free), true);

    await store.remove('new', { trash: false });
    const [failed] = await reader.read(definition, place);
    assert.deepEqual([failed.run?.id, isMissing(failed)], ['old', true]);
  });
});

describe('keys to sweep', () => {
  const config = runConfigSchema.parse({
    model: 'm',
    data: { train: 't' },
    method: { type: 'lora', r: 8 },
    training: { learning_rate: 3e-3 },
  });

  it('are numbers and choices of this method, the usual ones first', () => {
    const keys = sweepableKeys(config);
    assert.deepEqual(keys.slice(0, 4), [
      'training.learning_rate',
      'method.r',
      'method.lora_alpha',
      'memory.quantization',
    ]);
    for (const key of ['training.seed', 'method.type', 'method.target_modules', 'method.init_r', 'data.train'])
      assert.ok(!keys.includes(key), key);
    assert.equal(new Set(keys).size, keys.length);
    assert.equal(currentValue(config, 'method.r'), 8);
  });

  it('come with values to start from', () => {
    assert.deepEqual(proposedValues(config, 'training.learning_rate'), [0.001, 0.003, 0.009]);
    assert.deepEqual(proposedValues(config, 'method.r'), [4, 8, 16]);
    assert.deepEqual(proposedValues(config, 'memory.quantization'), ['none', 'f16', 'nf4', 'fp4', 'int8']);
  });

  it('read values as a config has them', () => {
    assert.deepEqual(readValues('1.0e-3, 16, none,true , '), [0.001, 16, 'none', true]);
  });
});
