import { strict as assert } from 'node:assert';
import { nodeGpu } from '../../src/headless/gpu';
import { toProblem } from '../../src/common/errors';
import type { GenerationJob, GenerationModel } from '../../src/common/protocol';
import type { FileSet } from '../../src/common/run/events';
import { EngineService } from '../../webview/worker/engineService';
import { runJob, smallConfig, smallJob, smallModel } from '../engine/smallRun';

interface Heard {
  readonly type: string;
  readonly text?: string;
  readonly tokens?: number;
}

/** The worker's service as the page sees it, with a clock of 60 ms a look. */
function service() {
  const heard: Heard[] = [];
  let time = 0;
  const { handlers } = new EngineService({
    gpu: nodeGpu(),
    now: () => (time += 60),
    notify: note => heard.push(note),
    later: run => void Promise.resolve().then(run),
    readBlob: () => new Uint8Array(),
  });
  return { handlers, heard };
}

const config = smallConfig();
const model: GenerationModel = {
  key: 'small',
  model: smallModel('llama'),
  memory: config.memory,
  rows: 40,
  ways: 'cache',
};
const job = (more: Partial<GenerationJob> = {}): GenerationJob => ({
  key: 'small',
  adapters: [],
  prompt: 'w5 w6',
  samples: { ...config.samples, max_new_tokens: 8 },
  seed: 1,
  ...more,
});

async function codeOf(work: unknown): Promise<string> {
  try {
    await work;
  } catch (error) {
    return toProblem(error).code;
  }
  return 'none';
}

describe('the worker completes texts', () => {
  let files: FileSet;
  before(async () => {
    const outputs = await runJob(smallJob('llama', { training: { max_steps: 1 } }));
    const result = outputs.at(-1);
    assert.ok(result?.kind === 'result');
    files = result.files;
  });

  it('with the model that was opened, with adapters and without, telling how the text grows', async () => {
    const { handlers, heard } = service();
    assert.equal(await codeOf(handlers.generate({ job: job() })), 'generate.notLoaded');
    await handlers.openModel({ job: model });
    const base = await handlers.generate({ job: job() });
    assert.deepEqual([base.tokens, base.cancelled], [8, false]);
    assert.ok(base.ms > 0);
    const grown = heard.filter(({ type }) => type === 'generated');
    assert.ok(grown.length >= 2 && grown.every(({ text }) => base.text.startsWith(text ?? '?')));
    const adapters = [{ name: 'run', files, weight: 1, config }];
    const adapted = await handlers.generate({ job: job({ adapters }) });
    assert.notEqual(adapted.text, base.text);
    assert.deepEqual((await handlers.generate({ job: job() })).text, base.text);
    await handlers.openModel({ job: { ...model, key: 'full', ways: 'full' } });
    assert.equal(await codeOf(handlers.generate({ job: job() })), 'generate.notLoaded');
    assert.equal((await handlers.generate({ job: job({ key: 'full', adapters }) })).text, adapted.text);
    await handlers.closeModel({});
    assert.equal(await codeOf(handlers.generate({ job: job({ key: 'full' }) })), 'generate.notLoaded');
    await handlers.loseDevice({});
  });

  it('until it is cancelled', async () => {
    const { handlers } = service();
    await handlers.openModel({ job: model });
    const under = handlers.generate({ job: job({ samples: { ...config.samples, max_new_tokens: 30 } }) });
    assert.equal(await codeOf(handlers.generate({ job: job() })), 'engine.busy');
    await handlers.cancelGeneration({});
    const { tokens, cancelled } = await under;
    assert.deepEqual([cancelled, tokens < 30], [true, true]);
    assert.equal((await handlers.generate({ job: job() })).cancelled, false);
    await handlers.loseDevice({});
  });

  it('in both ways, timed at growing lengths', async () => {
    const { handlers } = service();
    await handlers.openModel({ job: { ...model, ways: 'both' } });
    const { times, kvCacheBytes, cancelled } = await handlers.compareCache({ job: job() });
    assert.deepEqual([times.length, times[11].length, cancelled], [12, 40, false]);
    assert.ok(kvCacheBytes > 0 && times.every(({ cachedMs, fullMs }) => cachedMs > 0 && fullMs > 0));
    const under = handlers.compareCache({ job: job() });
    await handlers.cancelGeneration({});
    assert.equal((await under).cancelled, true);
    await handlers.loseDevice({});
  });

  it('before a run that was started meanwhile, never beside one; the run measures what it forecasts', async () => {
    const { handlers, heard } = service();
    await handlers.openModel({ job: model });
    const generating = handlers.generate({ job: job() });
    await handlers.start({ job: smallJob('llama') });
    assert.equal((await generating).tokens, 8);
    assert.ok(!heard.some(({ type }) => type === 'outputs'), 'the run began beside the text');
    assert.equal(await codeOf(handlers.openModel({ job: model })), 'engine.busy');
    assert.equal(await codeOf(handlers.generate({ job: job() })), 'engine.busy');
    while (!heard.some(({ type }) => type === 'ended')) await new Promise(resolve => setTimeout(resolve, 20));
    const events = heard.flatMap(note =>
      'outputs' in note ? (note.outputs as { event?: Record<string, unknown> }[]) : [],
    );
    const memory = events.map(({ event }) => event).find(event => event?.['type'] === 'memory');
    assert.deepEqual(memory?.['measured'], memory?.['forecast']);
    assert.equal(await codeOf(handlers.generate({ job: job() })), 'generate.notLoaded');
    await handlers.loseDevice({});
  });
});
