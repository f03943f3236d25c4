import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ProblemError } from '../../../src/common/errors';
import { runConfigSchema } from '../../../src/common/config/schema';
import type { FileSet } from '../../../src/common/run/events';
import { readPromptAdapter } from '../../../webview/engine/formats/promptAdapter';
import { writePromptAdapter } from '../../../webview/engine/formats/promptAdapterWriter';
import { readSafetensors, writeSafetensors } from '../../../webview/engine/formats/safetensors';
import { methodOf } from '../../../webview/engine/methods/methodOf';
import { attachedPrefix } from '../../../webview/engine/methods/prefix';
import { attachedPrompt } from '../../../webview/engine/methods/pTuning';
import { virtualChanges } from '../../../webview/engine/methods/virtualTokens';
import { parseModelConfig } from '../../../webview/engine/model/config';
import reference from '../../reference/prompt_adapters.json';

type Family = 'gpt2' | 'llama';
type Kind = keyof (typeof reference)['llama'];

const families: readonly Family[] = ['gpt2', 'llama'];
const kinds = ['prefix', 'projected', 'mlp', 'lstm'] as const satisfies readonly Kind[];
const configName = 'adapter_config.json';
const weightsName = 'adapter_model.safetensors';

const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'base64'));
const floatsOf = (bytes: Uint8Array) => new Float32Array(bytes.slice().buffer);
const modelOf = (family: Family, kind: Kind = 'prefix') =>
  parseModelConfig(reference[family][kind].model, 'config.json');

function filesOf(family: Family, kind: Kind): Record<string, Uint8Array> {
  return Object.fromEntries(Object.entries(reference[family][kind].files).map(([name, data]) => [name, bytesOf(data)]));
}

function configOf(files: FileSet): Record<string, unknown> {
  return JSON.parse(new TextDecoder().decode(files[configName])) as Record<string, unknown>;
}

function withConfig(files: FileSet, changes: object): FileSet {
  return { ...files, [configName]: new TextEncoder().encode(JSON.stringify({ ...configOf(files), ...changes })) };
}

function tableOf(files: FileSet): Float32Array {
  const { tensors } = readSafetensors(files[weightsName], weightsName);
  const entry = tensors.get('prompt_embeddings');
  assert.ok(entry);
  return floatsOf(files[weightsName].subarray(entry.begin, entry.end));
}

function message(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof ProblemError) return `${error.problem.code}: ${error.problem.message}`;
    throw error;
  }
  throw new assert.AssertionError({ message: 'no problem was thrown' });
}

/** The method with PEFT's keys, to export PEFT's encoder. */
function methodFor(family: Family, kind: Kind) {
  const { keys } = reference[family][kind];
  const type = kind === 'prefix' || kind === 'projected' ? 'prefix' : 'p-tuning';
  const init = type === 'prefix' ? { init_weights: 'normal' } : {};
  const method = { type, num_virtual_tokens: 3, ...init, ...keys };
  const config = runConfigSchema.parse({ model: 'm', data: { train: 't' }, method });
  return methodOf({ config, model: modelOf(family), modelName: 'base', passthrough: {}, totalSteps: 1 });
}

describe('prefixes and prompts that PEFT saved', () => {
  for (const family of families)
    for (const kind of kinds) {
      it(`are read: ${kind} of ${family}`, () => {
        const files = filesOf(family, kind);
        const adapter = readPromptAdapter(files, modelOf(family));
        const isPrefix = kind === 'prefix' || kind === 'projected';
        assert.deepEqual(adapter, {
          kind: isPrefix ? 'prefix' : 'prompt',
          count: 3,
          values: tableOf(files),
          encoded: kind !== 'prefix',
          warnings: [],
        });
        const width = family === 'llama' ? 8 : 24;
        assert.equal(adapter.values.length, 3 * (isPrefix ? 4 * width : 24));
      });

      it(`come out of our encoder with PEFT's keys: ${kind} of ${family}`, () => {
        const { encoder } = reference[family][kind];
        const values = new Map(Object.entries(encoder).map(([name, data]) => [name, floatsOf(bytesOf(data))]));
        const files = methodFor(family, kind).exportFiles(values);
        const original = filesOf(family, kind);
        const { peft_version: _, base_model_name_or_path: __, ...expected } = configOf(original);
        const { base_model_name_or_path: name, ...written } = configOf(files);
        assert.deepEqual(written, expected);
        assert.deepEqual(Object.keys(written), Object.keys(expected));
        assert.equal(name, 'base');
        const theirs = tableOf(original);
        const off = tableOf(files).map((value, i) => Math.abs(value - theirs[i]));
        assert.ok(Math.max(...off) < 2e-6, `off by ${Math.max(...off)}`);
      });
    }

  it('are used as they are: nothing trains, and an export gives the table back', () => {
    const prefix = readPromptAdapter(filesOf('llama', 'projected'), modelOf('llama'));
    const prompt = readPromptAdapter(filesOf('llama', 'lstm'), modelOf('llama'));
    const methods = [attachedPrefix(prefix, modelOf('llama')), attachedPrompt(prompt, modelOf('llama'))];
    assert.deepEqual(
      methods.map(method => [method.virtualTokens?.place, method.virtualTokens?.count, method.trainsBase('x')]),
      [
        ['prefix', 3, false],
        ['input', 3, false],
      ],
    );
    for (const [index, adapter] of [prefix, prompt].entries())
      assert.deepEqual(tableOf(methods[index].exportFiles(new Map())), adapter.values);
  });
});

describe('prefixes and prompts that do not fit', () => {
  const files = filesOf('llama', 'prefix');
  const read = (set: FileSet, family: Family = 'llama') => message(() => readPromptAdapter(set, modelOf(family)));
  const withTensors = (tensors: Record<string, readonly number[]>): FileSet => ({
    ...files,
    [weightsName]: writeSafetensors(
      new Map(
        Object.entries(tensors).map(([name, shape]) => {
          const bytes = new Uint8Array(4 * shape.reduce((a, b) => a * b, 1));
          return [name, { dtype: 'F32' as const, shape, bytes }];
        }),
      ),
      {},
    ),
  });

  it('are refused with both sizes', () => {
    assert.match(read(files, 'gpt2'), /^adapter.shape: .*token_dim is 8; this model needs 24/);
    assert.match(
      read(withConfig(files, { token_dim: 24 })),
      /token_dim is 24; this model needs 8. The model has 1 key heads of 8, so keys are 8 wide, not 24/,
    );
    assert.match(read(withConfig(files, { num_layers: 4 })), /num_layers is 4; this model needs 2/);
    assert.match(read(withTensors({ prompt_embeddings: [3, 16] })), /has the shape \[3, 16\]; .* need \[3, 32\]/);
    assert.match(read(withConfig(files, { num_virtual_tokens: 4 })), /has the shape \[3, 32\]; .* need \[4, 32\]/);
  });

  it('are refused when they are something else', () => {
    assert.match(read(withConfig(files, { peft_type: 'LORA' })), /^adapter.type: .*"LORA"/);
    assert.match(read(withConfig(files, { peft_type: null })), /^adapter.type: .*has no peft_type/);
    assert.match(read(withConfig(files, { num_transformer_submodules: 2 })), /^adapter.variant: .*encoder-decoder/);
    assert.match(
      read(withConfig(files, { modules_to_save: ['lm_head'] })),
      /^adapter.variant: .*fully trained modules/,
    );
    assert.match(read(withTensors({ other: [3, 32] })), /holds other/);
    assert.match(read(withTensors({})), /lacks prompt_embeddings/);
    assert.match(read({ [configName]: files[configName] }), /^adapter.missing/);
    const nan = { ...files, [weightsName]: Uint8Array.from(files[weightsName]) };
    nan[weightsName].fill(0xff, -4);
    assert.match(read(nan), /^adapter.nonfinite/);
  });

  it('name keys that nothing is known about', () => {
    const { warnings } = readPromptAdapter(withConfig(files, { novelty: 1 }), modelOf('llama'));
    assert.deepEqual(warnings, ['adapter_config.json: the key novelty is not known and was ignored.']);
  });

  it('never cause anything but a problem', () => {
    const damage = fc.record({
      name: fc.constantFrom(configName, weightsName),
      at: fc.nat(400),
      cut: fc.boolean(),
      byte: fc.nat(255),
    });
    fc.assert(
      fc.property(damage, ({ name, at, cut, byte }) => {
        const bytes = Uint8Array.from(files[name]);
        bytes[at % bytes.length] = byte;
        const changed = { ...files, [name]: cut ? bytes.subarray(0, at % bytes.length) : bytes };
        try {
          readPromptAdapter(changed, modelOf('llama'));
        } catch (error) {
          assert.ok(error instanceof ProblemError, String(error));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('round-trip whatever their size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.constantFrom<Family>(...families), (count, family) => {
        const model = modelOf(family);
        const values = Float32Array.from({ length: count * 24 }, (_, i) => Math.sin(i));
        const written = writePromptAdapter({ kind: 'prompt', count, values, model, modelName: 'm', encoder: {} });
        assert.deepEqual(readPromptAdapter(written, model).values, values);
      }),
    );
  });

  it('are not merged', () => {
    assert.match(
      message(() => virtualChanges('prefix')),
      /^merge.virtual: A prefix is keys and values/,
    );
    assert.match(
      message(() => virtualChanges('prompt')),
      /^merge.virtual: A prompt is vectors/,
    );
  });

  it('are never written with the wrong size', () => {
    const model = modelOf('llama');
    const values = new Float32Array(7);
    const text = message(() =>
      writePromptAdapter({ kind: 'prefix', count: 3, values, model, modelName: '', encoder: {} }),
    );
    assert.match(text, /has 7 values, not 3 × 32/);
  });
});
