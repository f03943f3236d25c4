import assert from 'node:assert/strict';
import { ProblemError } from '../../../src/common/errors';
import { decodeToF32, encodeF32, f32Bytes } from '../../../webview/engine/formats/dtypes';
import { readSafetensors, writeSafetensors, type TensorData } from '../../../webview/engine/formats/safetensors';
import { loraChanges, type WeightChanges } from '../../../webview/engine/methods/merge';
import { moduleCatalog, tensorCatalog } from '../../../webview/engine/model/catalog';
import { parseModelConfig } from '../../../webview/engine/model/config';
import { mergedFile, type MergePlan } from '../../../webview/engine/model/mergedFile';
import { exhaust } from '../../engine/exhaust';

const model = parseModelConfig(
  JSON.stringify({
    model_type: 'gpt2',
    vocab_size: 5,
    n_embd: 4,
    n_layer: 1,
    n_head: 1,
    n_positions: 8,
    eos_token_id: 0,
  }),
  'small',
);
const catalog = tensorCatalog(model);
const cAttn = 'transformer.h.0.attn.c_attn.weight';

function fileOf(changes: Readonly<Record<string, Partial<TensorData> | undefined>> = {}): Uint8Array {
  const whole = catalog.map(({ name, shape }): [string, TensorData] => {
    const size = shape.reduce((a, b) => a * b, 1);
    const values = Float32Array.from({ length: size }, (_, i) => i / 8);
    return [name, { dtype: 'F32', shape, bytes: f32Bytes(values) }];
  });
  const tensors = new Map<string, TensorData>(whole);
  for (const [name, change] of Object.entries(changes)) {
    if (change === undefined) tensors.delete(name);
    else tensors.set(name, { dtype: 'F32', shape: [1], bytes: new Uint8Array(4), ...tensors.get(name), ...change });
  }
  return writeSafetensors(tensors);
}

function merge(bytes: Uint8Array, changes: WeightChanges, plan: Partial<MergePlan> = {}): Uint8Array {
  const storage = { linear: 'f32', table: 'f32' } as const;
  const whole = {
    model,
    storage,
    into: 'file',
    dtype: 'base',
    met: new Map<string, string>(),
    changes,
    ...plan,
  } as const;
  return exhaust(mergedFile('a.safetensors', bytes, whole));
}

function valuesOf(file: Uint8Array, name: string): Float32Array {
  const entry = readSafetensors(file, 'merged').tensors.get(name);
  assert.ok(entry, name);
  return decodeToF32(entry.dtype, file.subarray(entry.begin, entry.end));
}

function problemOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof ProblemError) return `${error.problem.code}: ${error.problem.message}`;
    throw error;
  }
  throw new assert.AssertionError({ message: 'no problem was thrown' });
}

const changeTo = (name: string, value: number): WeightChanges => new Map([[name, w => w.map(() => value)]]);

describe('a merged weight file', () => {
  it('has the changes, whatever spelling the file has, and keeps tensors that are no weights', () => {
    const bare = 'h.0.attn.c_attn.weight';
    const mask = { dtype: 'U8', shape: [2], bytes: Uint8Array.of(1, 2) };
    const original = valuesOf(fileOf(), cAttn);
    const file = fileOf({ [cAttn]: undefined, [bare]: { shape: [4, 12], bytes: f32Bytes(original) }, mask });
    for (const dtype of ['base', 'f32'] as const) {
      const merged = merge(file.slice(), changeTo(cAttn, 7), { dtype });
      assert.deepEqual([...new Set(valuesOf(merged, bare))], [7]);
      const { begin, end } = readSafetensors(merged, 'merged').tensors.get('mask') ?? { begin: 0, end: 0 };
      assert.deepEqual([...merged.subarray(begin, end)], [1, 2]);
      assert.deepEqual(valuesOf(merged, 'transformer.wpe.weight'), valuesOf(file, 'transformer.wpe.weight'));
    }
  });

  it('changes a head that is stored although it is the embedding along with it', () => {
    const wte = 'transformer.wte.weight';
    const file = fileOf({ 'lm_head.weight': { shape: [5, 4], bytes: f32Bytes(valuesOf(fileOf(), wte)) } });
    const merged = merge(file, changeTo(wte, 3));
    assert.deepEqual(valuesOf(merged, 'lm_head.weight'), valuesOf(merged, wte));
    assert.equal(valuesOf(merged, wte)[0], 3);
  });

  it('may mix types: only what is F16 grows when all becomes F32', () => {
    const half = { dtype: 'F16', bytes: encodeF32('F16', valuesOf(fileOf(), cAttn)) };
    const merged = merge(fileOf({ [cAttn]: half }), changeTo('transformer.ln_f.bias', 2), { dtype: 'f32' });
    assert.deepEqual(valuesOf(merged, cAttn), valuesOf(fileOf(), cAttn));
    assert.deepEqual([...valuesOf(merged, 'transformer.ln_f.bias')], [2, 2, 2, 2]);
  });

  it('is refused with the reason', () => {
    const none: WeightChanges = new Map();
    const nan = f32Bytes(new Float32Array(48).fill(NaN));
    const half = { dtype: 'F16', bytes: new Uint8Array(96) };
    for (const [action, message] of [
      [() => merge(fileOf().subarray(0, 99), none), /^weights.format: a.safetensors is not a valid/],
      [
        () => merge(fileOf({ [cAttn]: { shape: [12, 4] } }), none),
        /^model.shape: .*c_attn.weight has the shape \[12, 4\]/,
      ],
      [() => merge(fileOf({ [cAttn]: { ...half, dtype: 'I16' } }), none), /^weights.dtype: .*stored as I16/],
      [() => merge(fileOf({ [cAttn]: { bytes: nan } }), changeTo(cAttn, 1)), /^model.nonfinite: .*contains NaN/],
      [() => merge(fileOf(), changeTo(cAttn, Infinity)), /^merge.nonfinite: .*c_attn.weight would be Infinity/],
      [() => merge(fileOf({ [cAttn]: half }), changeTo(cAttn, 1e5)), /^merge.nonfinite: .*too large for F16/],
      [
        () => merge(fileOf({ 'h.0.attn.c_attn.weight': { shape: [4, 12], bytes: new Uint8Array(192) } }), none),
        /^model.repeated: The weight transformer.h.0.attn.c_attn.weight is in/,
      ],
    ] as const)
      assert.match(problemOf(action), message);
  });
});

describe('changes of a LoRA adapter', () => {
  const [module] = moduleCatalog(model);
  const head = moduleCatalog(model).find(({ isOutputHead }) => isOutputHead) ?? module;
  const at = (where: typeof module) => ({ module: where, rank: 1, alpha: 2, scale: 2, nameA: 'A', nameB: 'B' });
  const tensors = (where: typeof module) =>
    new Map([
      ['A', Float32Array.from({ length: where.in }, (_, i) => i + 1)],
      ['B', new Float32Array(where.out).fill(1)],
    ]);

  it('are s·B·A, transposed for Conv1D', () => {
    const change = loraChanges({ modules: [at(module)], tensors: tensors(module) }, model).get(cAttn);
    const merged = change?.(new Float32Array(48).fill(10)) ?? [];
    assert.deepEqual([...merged.slice(0, 13)], [...new Array<number>(12).fill(12), 14]);
  });

  it('are refused for what fits no weight, and for a head that shares the embedding', () => {
    const small = new Map([...tensors(module), ['A', new Float32Array(3)] as const]);
    const base = (name: string, size: number) => ({
      modules: [],
      tensors: small,
      base: new Map([[name, new Float32Array(size)]]),
    });
    assert.match(
      problemOf(() => loraChanges({ modules: [at(module)], tensors: small }, model)),
      /^merge.tensor: A with 3/,
    );
    assert.match(
      problemOf(() => loraChanges(base('nothing', 4), model)),
      /^merge.tensor: nothing with 4 values/,
    );
    assert.match(
      problemOf(() => loraChanges(base(cAttn, 4), model)),
      /c_attn.weight with 4 values fits no weight/,
    );
    const tied = { modules: [at(head)], tensors: tensors(head) };
    assert.match(
      problemOf(() => loraChanges(tied, model)),
      /^merge.tied: lm_head shares its weight/,
    );
  });
});

describe('rounding to bfloat16', () => {
  it('takes the nearest value, ties to even, and keeps NaN and infinity', () => {
    const words = [0x3f808000, 0x3f818000, 0x3f808001, 0x7f800000, 0x7f800001, 0xff7fffff, 0x80000000];
    const values = new Float32Array(Uint32Array.from(words).buffer);
    const halves = new Uint16Array(new Uint8Array(encodeF32('BF16', values)).buffer);
    assert.deepEqual([...halves], [0x3f80, 0x3f82, 0x3f81, 0x7f80, 0x7fc0, 0xff80, 0x8000]);
  });
});
