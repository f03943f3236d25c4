import { strict as assert } from 'node:assert';
import type { ModelFiles } from '../../src/common/protocol';
import type { FileSet } from '../../src/common/run/events';
import { f32Bytes } from '../../webview/engine/formats/dtypes';
import { readLoraAdapter, type LoraAdapter } from '../../webview/engine/formats/peftAdapter';
import { writeSafetensors } from '../../webview/engine/formats/safetensors';
import { GenerationSession, type SessionOptions } from '../../webview/engine/generate/session';
import { moduleCatalog, tensorCatalog } from '../../webview/engine/model/catalog';
import type { Offload } from '../../webview/engine/train/programs';
import { readModel } from '../../webview/engine/train/readModel';
import { nodeGpu } from '../../src/headless/gpu';
import { openDevice, type OpenDevice } from '../../webview/engine/runtime/device';
import { relativeError } from '../engine/harness';
import { text as read, trained } from '../engine/mergedModel';
import { runJob, smallJob, smallModel } from '../engine/smallRun';
import { watchedDisk } from '../engine/watchedDisk';

const family = 'llama';
const files = smallModel(family);
const text = [5, 9, 33, 2, 2, 41, 17];
const settings = {
  temperature: 0,
  top_k: 0,
  top_p: 1,
  repetition_penalty: 1,
  max_new_tokens: 8,
  stop_strings: [],
  seed: 3,
  name: 'text',
};

/** The adapter folder of a run that only starts: random factors of its own. */
async function adapterFolder(seed: number, method: object): Promise<FileSet> {
  const training = { max_steps: 1, seed, learning_rate: 1e-6, eval_steps: 1 };
  const outputs = await runJob(smallJob(family, { method, training, samples: { prompts: [] } }, { eval: undefined }));
  const result = outputs.at(-1);
  assert.ok(result?.kind === 'result');
  return result.files;
}

describe('a generation session', () => {
  let opened: OpenDevice;
  let first: FileSet;
  let second: FileSet;
  before(async () => {
    opened = await openDevice(nodeGpu());
    first = await adapterFolder(1, { r: 3, target_modules: ['q_proj', 'v_proj', 'down_proj'] });
    second = await adapterFolder(2, { r: 2, lora_alpha: 7, use_rslora: true, target_modules: ['q_proj', 'up_proj'] });
  });
  after(() => opened.device.destroy());

  const open = (ways: SessionOptions['ways'] = 'both', model: ModelFiles = files) =>
    GenerationSession.open(opened, { files: model, storage: { linear: 'f32', table: 'f32' }, rows: 40, ways });

  /** Logits of a session that never had another adapter. */
  async function alone(folder: FileSet): Promise<Float32Array> {
    const session = await open('full');
    session.attach('only', folder);
    await session.select([{ name: 'only', weight: 1 }]);
    const logits = await session.logits(false).after(text);
    session.dispose();
    return logits;
  }

  it('takes along what was trained beside the matrices, for one adapter alone', async () => {
    const session = await open();
    const base = await session.logits(false).after(read);
    for (const [name, method] of Object.entries({
      lora: { init_lora_weights: true, modules_to_save: ['embed_tokens', 'norm'] },
      adalora: { type: 'adalora', init_r: 3, target_r: 2, tfinal: 1, modules_to_save: ['q_proj'] },
    })) {
      const run = await trained(smallJob(family, { method, training: { max_steps: 3 } }));
      session.attach(name, run.files);
      await session.select([{ name, weight: 1 }]);
      for (const cached of [true, false])
        assert.ok(relativeError(await session.logits(cached).after(read), run.logits) < 1e-5, name);
      await session.select([]);
      assert.deepEqual(await session.logits(false).after(read), base);
    }
    for (const selection of [[{ name: 'lora', weight: 2 }], ['lora', 'adalora'].map(name => ({ name, weight: 1 }))])
      await assert.rejects(session.select(selection), /generate.combine|cannot be added/);
    session.dispose();
  });

  it('switches adapters without loading the base again, each with the logits it has alone', async () => {
    const session = await open();
    const base = await session.logits(false).after(text);
    session.attach('first', first);
    session.attach('second', second);
    const made: string[] = [];
    const create = opened.device.createBuffer.bind(opened.device);
    const select = async (name: string) => {
      opened.device.createBuffer = descriptor => {
        made.push(descriptor.label ?? '');
        return create(descriptor);
      };
      await session.select([{ name, weight: 1 }]);
      opened.device.createBuffer = create;
    };
    try {
      for (const [name, folder] of [
        ['first', first],
        ['second', second],
        ['first', first],
      ] as const) {
        await select(name);
        const logits = await session.logits(false).after(text);
        assert.ok(relativeError(await session.logits(true).after(text), logits) < 1e-5);
        assert.ok(relativeError(base, logits) > 1e-2, 'the adapter changes nothing');
        assert.deepEqual(logits, await alone(folder));
      }
      await session.detach('first');
      assert.deepEqual(session.selected, []);
      assert.deepEqual(session.names, ['second']);
      assert.deepEqual(await session.logits(false).after(text), base);
      assert.ok(made.some(label => label.startsWith('adapter')));
      assert.deepEqual(
        made.filter(label => label.startsWith('weights')),
        [],
      );
      assert.deepEqual(opened.ledger.measured(), session.memory);
    } finally {
      opened.device.createBuffer = create;
      session.dispose();
    }
    assert.deepEqual(opened.ledger.measured(), {});
  });

  it('writes the same text with its blocks on the host as with all of them on the device', async () => {
    const deep = smallModel('deep');
    const texts = async (parameters: Offload['parameters']) => {
      const storage = { linear: 'f16', table: 'f16' } as const;
      const disk = watchedDisk();
      const options = { files: deep, storage, offload: { parameters }, disk, rows: 40, ways: 'both' } as const;
      const session = await GenerationSession.open(opened, options);
      const found: string[] = [];
      const complete = async () => {
        for (const cached of [true, false]) {
          let whole = '';
          for await (const { text } of session.generate('w5 w6', settings, cached)) whole = text;
          found.push(whole);
        }
      };
      await complete();
      session.attach('first', first);
      await session.select([{ name: 'first', weight: 1 }]);
      await complete();
      const { memory } = session;
      session.dispose();
      assert.deepEqual([disk.open, disk.made], [0, parameters === 'disk' ? 2 : 0]);
      return { found, memory };
    };
    const [plain, streamed, onDisk] = [await texts('none'), await texts('cpu'), await texts('disk')];
    assert.equal(plain.found.length, 4);
    assert.ok(plain.found[0] !== plain.found[2], 'the adapter changes nothing');
    assert.deepEqual(streamed.found, plain.found);
    assert.deepEqual(onDisk.found, plain.found);
    assert.ok((streamed.memory.weights ?? 0) < (plain.memory.weights ?? 0));
    assert.ok((streamed.memory.offloadedCpu ?? 0) > 0);
    assert.deepEqual(opened.ledger.measured(), {});
  });

  it('adds several adapters with weights', async () => {
    const weights = [0.7, -1.5];
    const session = await open();
    session.attach('first', first);
    session.attach('second', second);
    await session.select([
      { name: 'first', weight: weights[0] },
      { name: 'second', weight: weights[1] },
    ]);
    const { model } = session.read;
    const adapters = [first, second].map(folder => readLoraAdapter(folder, moduleCatalog(model)));
    const merged = await open('full', mergedModel(adapters, weights));
    const error = relativeError(await session.logits(true).after(text), await merged.logits(false).after(text));
    assert.ok(error < 1e-5, String(error));
    session.dispose();
    merged.dispose();
  });

  it('gives the text token by token, and the same whether cached or not', async () => {
    const session = await open();
    const lengths: number[] = [];
    let cached = '';
    for await (const { text: so, tokens } of session.generate('w5 w6', settings)) {
      lengths.push(tokens);
      cached = so;
    }
    assert.deepEqual(lengths, [1, 2, 3, 4, 5, 6, 7, 8]);
    let full = '';
    for await (const { text: so } of session.generate('w5 w6', settings, false)) full = so;
    assert.equal(full, cached);
    session.dispose();
  });

  it('refuses what it cannot do, with a reason', async () => {
    const session = await open('cache');
    session.attach('first', first);
    assert.throws(() => session.attach('first', first), /is there already/);
    assert.throws(() => session.attach('broken', { 'adapter_config.json': new Uint8Array() }), /adapter_config.json/);
    assert.throws(() => session.attach('other', { 'weights.bin': new Uint8Array(3) }), /is no LoRA adapter/);
    await assert.rejects(session.select([{ name: 'nobody', weight: 1 }]), /no adapter named nobody/);
    const long = Array.from({ length: 60 }, () => 'w4').join(' ');
    await assert.rejects(session.generate(long, settings).next(), /prompt has 60 tokens; at most 39/);
    const pieces = session.generate('w5', settings);
    await pieces.next();
    await assert.rejects(session.select([]), /completion is under way/);
    await pieces.return(undefined);
    await session.select([{ name: 'first', weight: 1 }]);
    session.dispose();
  });
});

/** The base with Σ weight·s·BA added to its matrices, in f64. */
function mergedModel(adapters: readonly LoraAdapter[], weights: readonly number[]): ModelFiles {
  const { model, weights: source } = readModel(files);
  const tensors = tensorCatalog(model).map(({ name, shape }) => {
    const values = Float64Array.from(source.read(name));
    adapters.forEach(({ targets, tensors: factors, config }, index) => {
      const target = targets.find(({ module }) => `${module.path}.weight` === name);
      if (!target) return;
      const { rank, alpha, module } = target;
      const [a, b] = ['A', 'B'].map(of => factors.get(`${module.path}.lora_${of}.weight`) as Float32Array);
      const scale = (weights[index] * alpha) / (config.use_rslora ? Math.sqrt(rank) : rank);
      for (let o = 0; o < module.out; o++)
        for (let i = 0; i < module.in; i++)
          for (let r = 0; r < rank; r++) values[o * module.in + i] += scale * b[o * rank + r] * a[r * module.in + i];
    });
    return [name, { dtype: 'F32', shape, bytes: f32Bytes(Float32Array.from(values)) }] as const;
  });
  return {
    ...files,
    weights: [{ name: 'model.safetensors', bytes: writeSafetensors(new Map(tensors), { format: 'pt' }) }],
  };
}
