import { strict as assert } from 'node:assert';
import { completion, greedy } from '../../webview/engine/generate/complete';
import { cachedLogits, uncachedLogits } from '../../webview/engine/generate/nextLogits';
import { Engine } from '../../webview/engine/train/engine';
import { loadParameters } from '../../webview/engine/train/load';
import { prepareRun, type PreparedRun } from '../../webview/engine/train/prepare';
import { planPrograms } from '../../webview/engine/train/programs';
import { relativeError, testDevice } from './harness';
import { eventsOf, runJob, smallJob, type Overrides, type SmallFamily } from './smallRun';

const cases: readonly (readonly [SmallFamily, Overrides])[] = [
  ['llama', {}],
  ['gpt2', {}],
  ['llama', { memory: { quantization: 'f16' } }],
];
const text = Array.from({ length: 40 }, (_, i) => 1 + ((i * 7) % 60));

/** An engine that generates in both ways: 44 tokens at most, 32 new ones at once. */
async function both(family: SmallFamily, overrides: Overrides): Promise<{ engine: Engine; run: PreparedRun }> {
  const opened = await testDevice();
  const prepared = prepareRun(smallJob(family, overrides), { limits: opened.info.limits, profile: opened.profile });
  const { spec } = prepared.programs;
  const streams = { train: 0, evaluate: 0, generate: 44 };
  const programs = planPrograms({ ...spec, streams, longest: 44, cache: { rows: 44, prefill: 32 } });
  const run = { ...prepared, programs };
  const engine = await Engine.create(opened, programs);
  await loadParameters(engine, run);
  return { engine, run };
}

const step = new Uint32Array(48);

describe('generation with a key-value cache', () => {
  for (const [family, overrides] of cases)
    it(`gives the logits of a full pass: ${family} ${JSON.stringify(overrides)}`, async () => {
      const { engine } = await both(family, overrides);
      const cached = cachedLogits(engine, step);
      const full = uncachedLogits(engine, step);
      // One token; many at once; more than fit one pass; one more; another text with a common beginning.
      const texts = [1, 9, 40, 41].map(length => [...text, 3].slice(0, length));
      for (const tokens of [...texts, [...text.slice(0, 5), 60, 59, 58]]) {
        const error = relativeError(await cached.after(tokens), await full.after(tokens));
        assert.ok(error < 1e-5, `${tokens.length} tokens: ${error}`);
      }
      engine.dispose();
    });

  it('completes greedily as the full pass does, to the end of the cache', async () => {
    const { engine, run } = await both('llama', {});
    const options = {
      ...greedy,
      max_new_tokens: 60,
      stop_strings: [],
      seed: 1,
      name: 'test',
      ends: new Set<number>(),
      tokenizer: run.tokenizer,
    };
    const withCache = await completion(cachedLogits(engine, step), [5, 6], options);
    assert.equal(withCache.length, 42);
    assert.deepEqual(await completion(uncachedLogits(engine, step), [5, 6], options), withCache);
    const [first, second, third] = withCache;
    const stop = { ...options, stop_strings: [`w${third}`] };
    const expected = withCache.slice(0, withCache.indexOf(third) + 1);
    assert.deepEqual(await completion(cachedLogits(engine, step), [5, 6], stop), expected);
    const ends = { ...options, ends: new Set([first, second]) };
    assert.deepEqual(await completion(cachedLogits(engine, step), [5, 6], ends), []);
    engine.dispose();
  });

  it('sees no keys of an earlier, longer text', async () => {
    const { engine } = await both('gpt2', {});
    const used = cachedLogits(engine, step);
    await used.after(text);
    const after = await used.after([7, 8, 9]);
    assert.deepEqual(after, await cachedLogits(engine, step).after([7, 8, 9]));
    engine.dispose();
  });

  it('refuses a text longer than its cache', async () => {
    const { engine } = await both('llama', {});
    await assert.rejects(cachedLogits(engine, step).after([...text, ...text]), /longer than the key-value cache/);
    engine.dispose();
  });

  it('is forecast to the byte in a run, and samples alike with and without', async () => {
    const cached = await runJob(smallJob('gpt2', { samples: { max_new_tokens: 12 } }));
    const [memory] = eventsOf(cached, 'memory');
    assert.deepEqual(memory.measured, memory.forecast);
    // Two blocks, keys and values, 2 prompt tokens + 12 + the spare row, 24 floats, in slots of 256 bytes.
    assert.equal(memory.forecast.kvCache, 4 * Math.ceil((15 * 24 * 4) / 256) * 256);
    const uncached = await runJob(smallJob('gpt2', { samples: { max_new_tokens: 12, use_cache: false } }));
    assert.equal(eventsOf(uncached, 'memory')[0].forecast.kvCache, undefined);
    assert.deepEqual(eventsOf(uncached, 'sample'), eventsOf(cached, 'sample'));
  });
});
