/**
 * `npm run bench:shapes -- [BLOCKS]`: one LoRA step of GPT-2 (124M) and SmolLM2-135M with random weights, the whole
 * vocabulary and all blocks or fewer, on 1024 tokens and a device that grants no more than the defaults of WebGPU. On a
 * software adapter two blocks take minutes.
 */
import type { MemoryBytes } from '../../src/common/run/events';
import { realShapes, realStep } from '../memory/realShapes';

const tokens = 1024;
const blocks = process.argv[2] === undefined ? undefined : Number(process.argv[2]);
const mib = (bytes = 0): string => (bytes / 2 ** 20).toFixed(1);

function sameBytes(one: MemoryBytes, other: MemoryBytes): boolean {
  const categories = Object.keys({ ...one, ...other }) as (keyof MemoryBytes)[];
  return categories.every(category => (one[category] ?? 0) === (other[category] ?? 0));
}

for (const name of ['GPT-2', 'SmolLM2-135M'] as const) {
  const start = performance.now();
  const { forecast, measured, loss, gradNorm } = await realStep(name, tokens, blocks);
  if (!sameBytes(forecast, measured)) throw new Error(`${name}: the device holds other bytes than forecast.`);
  if (Math.abs(loss - Math.log(realShapes[name].vocab_size)) > 0.5 || !(gradNorm > 0))
    throw new Error(`${name}: loss ${loss} and gradient norm ${gradNorm} are not those of random weights.`);
  console.log(
    `${name}: loss ${loss.toFixed(3)}, activations ${mib(measured.activations)} MiB on the device, ` +
      `${mib(measured.offloadedCpu)} MiB on the host, ${Math.round((performance.now() - start) / 1000)} s`,
  );
}
process.exit();
