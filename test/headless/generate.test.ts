/** `generate` on a real model: adapters of a run, settings, and the comparison of both ways. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseGenerateLine } from '../../src/headless/generateArguments';
import { generateCommand } from '../../src/headless/generateCommand';
import type { EnginePorts } from '../../src/headless/ports';
import { testDevice } from '../engine/harness';
import { attempt, makeProject } from './project';
import { unattended } from './unattended';

let time = 0;

/** What `generate` prints. */
async function generate(...argv: string[]): Promise<string[]> {
  const lines: string[] = [];
  const ports: EnginePorts = {
    ...unattended(testDevice),
    print: line => lines.push(line),
    now: () => ++time,
  };
  await generateCommand(parseGenerateLine(['generate', ...argv]), ports);
  return lines;
}

describe('generate', () => {
  let folder: string;
  before(() => (folder = makeProject()));
  after(() => rmSync(folder, { recursive: true }));

  it('completes prompts with the base, with the adapter of a run, and with a part of it', async () => {
    const method = { type: 'lora', r: 3, lora_alpha: 12, target_modules: 'all-linear' };
    const { problem } = await attempt(folder, { method, training: { learning_rate: 0.1 } });
    assert.equal(problem, undefined);
    const adapter = join(folder, 'out/adapter');
    const common = ['--prompt', 'w5 w6', '--prompt', 'w7', '--rows', '40', '--json'];
    const model = join(folder, 'model');
    const completions = async (...more: string[]) =>
      (await generate(model, ...common, ...more)).map(line => (JSON.parse(line) as { completion: string }).completion);
    const base = await completions();
    assert.equal(base.length, 2);
    const adapted = await completions('--adapter', adapter);
    assert.notDeepEqual(adapted, base);
    assert.deepEqual(await completions('--adapter', `${adapter}:0`), base);
    assert.deepEqual(await completions('--adapter', adapter, '--set', 'samples.use_cache=false'), adapted);
    const [plain] = await generate(join(folder, 'small.peft.yaml'), '--prompt', 'w5 w6', '--rows', '40');
    assert.equal(plain, `w5 w6${base[0]}`);
  });

  it('times both ways at growing lengths', async () => {
    const [line] = await generate(join(folder, 'model'), '--compare-cache', '--rows', '24');
    const { times, kvCacheBytes } = JSON.parse(line) as {
      times: { length: number; cachedMs: number; fullMs: number }[];
      kvCacheBytes: number;
    };
    assert.deepEqual(
      times.map(({ length }) => length),
      [2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24],
    );
    assert.ok(times.every(({ cachedMs, fullMs }) => cachedMs > 0 && fullMs > 0));
    assert.ok(kvCacheBytes > 0);
  });

  it('draws the comparison, both curves through every length', async () => {
    const file = join(folder, 'pictures/cache.svg');
    await generate(join(folder, 'model'), '--compare-cache', '--rows', '24', '--svg', file);
    const svg = readFileSync(file, 'utf8');
    const curves = [...svg.matchAll(/<polyline[^>]* points="([^"]*)"/g)].map(([, points]) => points.split(' '));
    assert.deepEqual(
      curves.map(points => points.length),
      [12, 12],
    );
    assert.match(svg, /without cache[\s\S]*with KV cache/);
    assert.doesNotMatch(svg, /NaN|undefined|Infinity/);
  });

  it('takes adapters of other methods from their run folders', async () => {
    const method = { type: 'bottleneck', init_weights: 'bert', r: undefined, lora_alpha: undefined };
    const { problem } = await attempt(folder, { method }, { out: join(folder, 'bottleneck') });
    assert.equal(problem, undefined);
    const argv = [join(folder, 'model'), '--prompt', 'w5', '--rows', '40', '--set', 'samples.max_new_tokens=3'];
    assert.equal((await generate(...argv, '--adapter', join(folder, 'bottleneck/adapter'))).length, 1);
  });

  it('refuses a line that makes no sense, with its usage', async () => {
    for (const [argv, message] of [
      [[], /No config and no model/],
      [['model'], /No prompt/],
      [['model', 'other', '--prompt', 'x'], /"other" is one argument too many/],
      [['model', '--prompt', 'x', '--rows', '1'], /--rows 1/],
      [['model', '--prompt', 'x', '--colour'], /--colour/],
      [['model', '--prompt', 'x', '--svg', 'a.svg'], /--svg draws a comparison/],
    ] as const)
      assert.throws(() => parseGenerateLine(['generate', ...argv]), message);
    await assert.rejects(
      generate(join(folder, 'model'), '--prompt', 'x', '--set', 'samples.temperature=-1'),
      /temperature/,
    );
    await assert.rejects(generate(join(folder, 'model'), '--prompt', 'x', '--adapter', folder), /no LoRA adapter/);
  });
});
