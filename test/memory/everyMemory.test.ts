import { strict as assert } from 'node:assert';
import type { MemoryBytes } from '../../src/common/run/events';
import { forecastOf } from '../../webview/engine/forecast';
import { Executor } from '../../webview/engine/runtime/executor';
import { openScratch } from '../../webview/engine/runtime/scratch';
import { prepareRun } from '../../webview/engine/train/prepare';
import { testDevice } from '../engine/harness';
import { smallJob, type Overrides, type SmallFamily } from '../engine/smallRun';
import { watchedDisk } from '../engine/watchedDisk';

const families: readonly SmallFamily[] = ['deep', 'gpt2'];

const methods: Readonly<Record<string, Overrides>> = {
  full: { full: true },
  lora: {},
  adalora: { method: { type: 'adalora', init_r: 4, target_r: 2, tinit: 1, tfinal: 2, deltaT: 1 } },
  weightlora: { method: { type: 'weightlora', r: 2, lr_w: 0.5 } },
  bottleneck: { method: { type: 'bottleneck', reduction_factor: 4 } },
  prefix: { method: { type: 'prefix', num_virtual_tokens: 5 } },
  'p-tuning': { method: { type: 'p-tuning', num_virtual_tokens: 5, encoder_hidden_size: 12 } },
  'p-tuning-v2': { method: { type: 'p-tuning-v2', num_virtual_tokens: 4 } },
  'few-shot': { method: { type: 'few-shot', shots: 1, draws: 2 } },
};

const checkpointings = ['none', 'selective', 'block'];
const quantizations = ['none', 'f16', 'nf4'];

const offloads: readonly { parameters?: string; optimizer?: string; activations?: string }[] = [
  {},
  { parameters: 'cpu' },
  { parameters: 'disk' },
  { optimizer: 'cpu' },
  { optimizer: 'disk' },
  { activations: 'cpu' },
  { activations: 'disk' },
  { parameters: 'disk', optimizer: 'cpu' },
  { parameters: 'disk', activations: 'cpu' },
  { parameters: 'cpu', optimizer: 'cpu', activations: 'cpu' },
  { parameters: 'disk', optimizer: 'disk', activations: 'disk' },
];

/** Bytes above what the device held before, by category; categories without any are left out. */
function above(before: MemoryBytes, now: MemoryBytes): MemoryBytes {
  const grown = Object.entries(now).map(([category, bytes]) => [
    category,
    bytes - (before[category as keyof MemoryBytes] ?? 0),
  ]);
  return Object.fromEntries(grown.filter(([, bytes]) => bytes !== 0)) as MemoryBytes;
}

/** What a run asks of device and host, counted where it is made, and what was forecast. */
async function cell(family: SmallFamily, overrides: Overrides) {
  const opened = await testDevice();
  const { info, profile } = opened;
  const { programs } = prepareRun(smallJob(family, overrides), { limits: info.limits, profile });
  const before = opened.ledger.measured();
  const forecast = forecastOf(programs).bytes;
  const disk = watchedDisk();
  const scratch = forecast.offloadedDisk === undefined ? undefined : await openScratch(forecast.offloadedDisk, disk);
  const executor = new Executor(opened, programs.plan, { scratch });
  try {
    const measured = { ...above(before, opened.ledger.measured()), ...executor.hostBytes() };
    assert.equal(disk.end, forecast.offloadedDisk ?? 0);
    return { measured, forecast };
  } finally {
    executor.dispose();
  }
}

describe('the forecast is every byte of device and host', () => {
  for (const family of families)
    for (const [name, overrides] of Object.entries(methods))
      for (const quantization of quantizations) {
        if (name === 'full' && quantization === 'nf4') continue;
        it(`${family}, ${name}, ${quantization === 'none' ? 'f32' : quantization}`, async () => {
          for (const gradient_checkpointing of checkpointings)
            for (const offload of offloads) {
              if (offload.activations && gradient_checkpointing !== 'block') continue;
              const memory = { quantization, gradient_checkpointing, offload };
              const { measured, forecast } = await cell(family, { ...overrides, memory });
              assert.deepEqual(measured, forecast, JSON.stringify(memory));
            }
        });
      }

  it('but for full fine-tuning of a quantized base, which is refused', async () => {
    await assert.rejects(
      cell('deep', { full: true, memory: { quantization: 'nf4' } }),
      /nf4 stores it as codes that cannot train/,
    );
  });
});
