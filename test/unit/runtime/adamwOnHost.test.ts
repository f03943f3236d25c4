import assert from 'node:assert/strict';
import { adamwInLoop, adamwInWasm, adamwOnHost, type AdamWValues } from '../../../webview/engine/ops/adamwOnHost';

const smallest = 2 ** -149;
const rates = { clip: 0.7, beta1: 0.9, beta2: 0.999, bias2Sqrt: 0.0316, epsilon: 1e-8, keep: 0.9999, rate: 0.01 };
const others = [
  ['no clip, no decay', { ...rates, clip: 1, keep: 1 }],
  ['a strong clip and decay', { ...rates, clip: 1.234e-5, keep: 0.5 }],
  ['the bias of a late step', { ...rates, bias2Sqrt: 0.99999994, rate: 3e-4 }],
  ['other betas and epsilon', { ...rates, beta1: 0.5, beta2: 0.95, epsilon: 1e-3 }],
  ['rates that are subnormal', { ...rates, epsilon: smallest, rate: 3 * smallest }],
] as const;

/** Values of all sizes and signs; `scale` moves them, down to subnormals. */
function values(count: number, scale = 1): AdamWValues {
  const some = (seed: number) =>
    Float32Array.from({ length: count }, (_, i) => Math.sin(i * seed + seed) * 10 ** (((i * 7) % 9) - 6) * scale);
  return { parameter: some(12.9), gradient: some(3.7), m: some(5.3), v: some(7.1).map(Math.abs) };
}

function bits({ parameter, gradient, m, v }: AdamWValues): Record<string, Uint32Array> {
  const words = (data: Float32Array) => new Uint32Array(data.buffer, data.byteOffset, data.length);
  return { parameter: words(parameter), gradient: words(gradient), m: words(m), v: words(v) };
}

/** Three steps of both give the same bits. */
function assertSame(make: () => AdamWValues, numbers: (typeof others)[number][1] = rates): void {
  const kernel = adamwInWasm(WebAssembly);
  const [expected, found, before] = [make(), make(), make()];
  for (let step = 0; step < 3; step++) {
    adamwInLoop(expected, numbers);
    kernel(found, numbers);
  }
  assert.deepEqual(bits(found), bits(expected));
  if (before.parameter.length > 0) assert.notDeepEqual(bits(found), bits(before));
}

describe('the kernel of AdamW on the host', () => {
  for (const count of [0, 1, 2, 3, 4, 5, 1023, 16_383, 16_384, 16_385, 100_003])
    it(`gives the bits of the loop for ${count} values`, () => assertSame(() => values(count)));

  for (const [what, numbers] of others)
    it(`gives the bits of the loop with ${what}`, () => assertSame(() => values(1023), numbers));

  it('keeps subnormals and zeros', () => {
    for (const scale of [smallest, 1e-40, 1e-38, 1e-20, 0]) {
      const make = () => ({ ...values(1023, scale), parameter: values(1023).parameter });
      assertSame(make, { ...rates, keep: 0.999, epsilon: smallest });
    }
    const { m, v } = values(9, 1e-40);
    adamwInWasm(WebAssembly)({ ...values(9, 1e-40), m, v }, rates);
    assert.ok(m.some(value => value !== 0 && Math.abs(value) < 2 ** -126));
  });

  it('leaves what stands beside its values alone', () => {
    const whole = values(12);
    const before = values(12);
    const inside = (data: Float32Array) => data.subarray(3, 8);
    const { parameter, gradient, m, v } = whole;
    const part = { parameter: inside(parameter), gradient: inside(gradient), m: inside(m), v: inside(v) };
    adamwInWasm(WebAssembly)(part, rates);
    for (const name of ['parameter', 'm', 'v'] as const) {
      const changed = [...whole[name].keys()].filter(index => whole[name][index] !== before[name][index]);
      assert.deepEqual(changed, [3, 4, 5, 6, 7]);
    }
  });

  it('is used where WebAssembly may be compiled, and the loop where it is refused', () => {
    assert.notEqual(adamwOnHost(), adamwInLoop);
    const refuse = class {
      constructor() {
        throw new WebAssembly.CompileError('violates the Content Security policy');
      }
    };
    assert.equal(adamwOnHost({ Module: refuse, Instance: WebAssembly.Instance }), adamwInLoop);
  });
});
