/** `merge` on real runs: the merged folder evaluates like the adapter beside its base. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ProblemError } from '../../src/common/errors';
import { parseMergeLine } from '../../src/headless/mergeArguments';
import { mergeCommand } from '../../src/headless/mergeCommand';
import { readSafetensors, writeSafetensors, type TensorData } from '../../webview/engine/formats/safetensors';
import { attempt, get, makeProject, put, snapshot, type Attempt } from './project';

/** What `merge` prints and shows. */
async function merge(...argv: string[]): Promise<{ printed: string; shown: string }> {
  let [printed, shown] = ['', ''];
  const ports = {
    print: (line: string) => (printed += line),
    show: (text: string) => (shown += text),
    onInterrupt: () => () => undefined,
  };
  await mergeCommand(parseMergeLine(['merge', ...argv]), ports);
  return { printed, shown };
}

async function problemOf(...argv: string[]): Promise<string> {
  try {
    await merge(...argv);
  } catch (error) {
    if (error instanceof ProblemError) return `${error.problem.code}: ${error.problem.message}`;
    throw error;
  }
  throw new assert.AssertionError({ message: 'no problem' });
}

const evaluations = ({ run, problem }: Attempt): number[] => {
  assert.equal(problem, undefined);
  return (run?.events ?? []).flatMap(event => (event.type === 'evaluation' ? [event.loss] : []));
};

describe('merge', () => {
  let folder: string;
  let trained: number[];
  const at = (...names: string[]) => join(folder, ...names);

  before(async function () {
    this.timeout(120_000);
    folder = makeProject();
    const method = { modules_to_save: ['norm'] };
    trained = evaluations(await attempt(folder, { method, training: { learning_rate: 0.05, eval_steps: 6 } }));
  });
  after(() => rmSync(folder, { recursive: true }));

  it('writes a folder that evaluates like the run, with everything the base has beside its weights', async () => {
    put(folder, 'model/merges.txt', '#version: 0.2');
    put(folder, 'model/pytorch_model.bin', 'not this');
    const { printed } = await merge(at('out'), '--model', at('model'), '--out', at('merged'), '--json');
    assert.deepEqual(JSON.parse(printed), { out: at('merged'), base: at('model'), adapter: 'small', files: 5 });
    assert.deepEqual(readdirSync(at('merged')).sort(), [
      'config.json',
      'merges.txt',
      'model.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    const start = { model: './merged', training: { max_steps: 1, eval_steps: 1, save_steps: 0 } };
    const [merged] = evaluations(await attempt(folder, start, { out: at('again') }));
    const last = trained.at(-1) ?? NaN;
    assert.ok(Math.abs(merged / last - 1) < 1e-5, `${merged} ${last}`);
    assert.ok(Math.abs(merged / trained[0] - 1) > 1e-3, 'the adapter does something');
  }).timeout(60_000);

  it('takes an adapter folder, a checkpoint, and a base in shards, whose index it keeps true', async () => {
    cpSync(at('out/adapter'), at('lonely'), { recursive: true });
    cpSync(at('model'), at('sharded'), { recursive: true });
    const whole = new Uint8Array(get(folder, 'model/model.safetensors'));
    const tensors = [...readSafetensors(whole, 'base').tensors].map(([name, entry]): [string, TensorData] => [
      name,
      { ...entry, bytes: whole.subarray(entry.begin, entry.end) },
    ]);
    rmSync(at('sharded/model.safetensors'));
    const map: Record<string, string> = {};
    for (const [index, part] of [tensors.slice(0, 5), tensors.slice(5)].entries()) {
      const name = `model-0000${index + 1}-of-00002.safetensors`;
      put(folder, `sharded/${name}`, writeSafetensors(new Map(part)));
      for (const [tensor] of part) map[tensor] = name;
    }
    put(
      folder,
      'sharded/model.safetensors.index.json',
      JSON.stringify({ metadata: { total_size: 1 }, weight_map: map }),
    );
    await merge(at('lonely'), '--model', at('sharded'), '--out', at('parts'), '--dtype', 'f32');
    const index = JSON.parse(get(folder, 'parts/model.safetensors.index.json').toString()) as Record<string, object>;
    const total = tensors.reduce((sum, [, { bytes }]) => sum + bytes.length, 0);
    assert.deepEqual(index, { metadata: { total_size: total }, weight_map: map });
    await merge(at('out/checkpoints/step-6'), '--model', at('model'), '--out', at('from-checkpoint'));
    const merged = readSafetensors(new Uint8Array(get(folder, 'from-checkpoint/model.safetensors')), 'merged').tensors;
    assert.deepEqual(new Set(merged.keys()), new Set(Object.keys(map)));
  });

  it('says what it does not do, and leaves nothing behind', async () => {
    const before = snapshot(folder);
    const other = makeProject('gpt2');
    put(folder, 'wrong/config.json', get(folder, 'model/config.json').toString());
    put(folder, 'wrong/tokenizer.json', '{}');
    put(folder, 'wrong/model.safetensors', new Uint8Array(get(folder, 'model/model.safetensors')).subarray(0, 500));
    const out = ['--out', at('refused')];
    const model = ['--model', at('model')];
    for (const [argv, expected] of [
      [['--out', 'x'], /^cli.adapter: No run and no adapter/],
      [[at('out')], /^cli.out: No folder/],
      [[at('out'), ...out, '--dtype', 'f8'], /^cli.dtype: --dtype f8: expected base or f32/],
      [[at('out'), '--out', at('model')], /^merge.exists: .*model exists already/],
      [[at('nothing'), ...out, ...model], /^merge.noAdapter: .*nothing is no adapter/],
      [[at('lonely'), ...out], /^merge.base: The base model .* is not in/],
      [[at('out'), ...out, '--model', at('data')], /^merge.base: The base model .*data is not in/],
      [[at('out'), ...out, '--model', at('wrong')], /^weights.format: model.safetensors is not a valid/],
      [[at('out'), ...out, '--model', join(other, 'model')], /^adapter.tensor: .*input_layernorm/],
    ] as const)
      assert.match(await problemOf(...argv), expected);
    for (const done of [at('wrong'), other]) rmSync(done, { recursive: true });
    assert.deepEqual(snapshot(folder), before);
    assert.equal(existsSync(at('refused.partial')), false);
  });

  it('warns before it adds to other weights than training saw, and refuses prompts', async () => {
    const nf4 = { memory: { quantization: 'nf4' } };
    const quantized = JSON.parse(get(folder, 'out/run.json').toString()) as { config: object };
    cpSync(at('out'), at('nf4'), { recursive: true });
    put(folder, 'nf4/run.json', JSON.stringify({ ...quantized, config: { ...quantized.config, ...nf4 } }));
    const model = ['--model', at('model')];
    const { shown } = await merge(at('nf4'), ...model, '--out', at('on-file'), '--into', 'file');
    assert.match(shown, /^Q08: The adapter was trained beside nf4 weights/);
    assert.equal((await merge(at('nf4'), ...model, '--out', at('on-codes'))).shown, '');
    const weights = (name: string) => get(folder, `${name}/model.safetensors`);
    assert.notDeepEqual(weights('on-codes'), weights('on-file'));
    const method = { type: 'prefix', num_virtual_tokens: 3, r: undefined, lora_alpha: undefined };
    const { problem } = await attempt(folder, { method, training: { max_steps: 1 } }, { out: at('prefix') });
    assert.equal(problem, undefined);
    assert.match(
      await problemOf(at('prefix'), ...model, '--out', at('x')),
      /^merge.virtual: A prefix is keys and values/,
    );
  }).timeout(60_000);
});
