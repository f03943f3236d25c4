import type { RunConfig } from '../../../src/common/config/schema';
import { randomBits, streamOf } from '../data/random';
import type { ParameterGroup } from '../memory/trainables';
import { clipOf, type AdamWRates } from '../ops/adamwOnHost';
import { stepLayout, stepWords } from '../runtime/kernel';

export interface StepInput {
  readonly training: RunConfig['training'];
  readonly groups: readonly ParameterGroup[];
  /** Optimizer step, from 1, and micro-batch within its window, from 0. */
  readonly step: number;
  readonly micro: number;
  readonly learningRate: number;
  /** Loss tokens of the whole window. */
  readonly lossTokens: number;
  /** Numbers of the method's own schedule at this step, at most {@link stepLayout.mostMethod}. */
  readonly method?: readonly number[];
  /** Steps that AdamW counts, 0 where it stands still, and a factor on SGD's rate; the run's own step without it. */
  readonly clock?: { readonly adam: number; readonly sgd: number };
}

const dropoutStream = streamOf('dropout');

/**
 * Words of the Step uniform (kernel.ts). AdamW's scalars are computed in f64 and rounded once, as PyTorch's
 * single-tensor path does with Python floats (`torch/optim/adam.py`).
 */
export function stepValues(input: StepInput): Uint32Array<ArrayBuffer> {
  const { training, groups, step } = input;
  const words = new Uint32Array(stepWords);
  const floats = new Float32Array(words.buffer);
  floats[stepLayout.lossScale] = 1 / Math.max(1, input.lossTokens);
  words[stepLayout.seed] = randomBits(training.seed, dropoutStream, step * 65536 + input.micro);
  floats[stepLayout.maxNorm] = training.max_grad_norm;
  floats[stepLayout.epsilon] = training.adam_epsilon;
  const { adam, sgd } = input.clock ?? { adam: step, sgd: 1 };
  floats[stepLayout.bias2Sqrt] = Math.sqrt(1 - training.adam_beta2 ** Math.max(1, adam));
  groups.forEach((group, index) => {
    const rate = input.learningRate * group.lrScale * (group.optimizer === 'sgd' ? sgd : Math.sign(adam));
    const decay = group.decay ? rate * training.weight_decay : 0;
    const corrected = rate / (1 - training.adam_beta1 ** Math.max(1, adam));
    floats.set([1 - decay, corrected, rate], stepLayout.groups + 4 * index);
  });
  floats.set(input.method ?? [], stepLayout.method);
  return words;
}

/** What the host's AdamW needs of the Step uniform for a parameter group, with Σg² of the window. */
export function ratesOf(
  words: Uint32Array<ArrayBuffer>,
  group: number,
  [beta1, beta2]: readonly [number, number],
  squares: number,
): AdamWRates {
  const floats = new Float32Array(words.buffer, words.byteOffset, words.length);
  const [keep, rate] = floats.subarray(stepLayout.groups + 4 * group);
  return {
    clip: clipOf(floats[stepLayout.maxNorm], squares),
    beta1,
    beta2,
    bias2Sqrt: floats[stepLayout.bias2Sqrt],
    epsilon: floats[stepLayout.epsilon],
    keep,
    rate,
  };
}
