import { problem } from '../../../src/common/errors';
import { permutation } from './random';

/** What decides which rows an optimizer step sees. */
export interface WindowOptions {
  /** Number of examples. */
  readonly examples: number;
  /** Rows per micro-batch. */
  readonly batchSize: number;
  /** Micro-batches per optimizer step. */
  readonly accumulation: number;
  readonly shuffle: boolean;
  readonly seed: number;
  /** Optimizer steps; a positive number overrides `epochs`. */
  readonly maxSteps: number;
  readonly epochs: number;
}

export interface WindowPlan {
  readonly stepsPerEpoch: number;
  readonly totalSteps: number;
  /** Epochs that are begun, the last perhaps in part. */
  readonly epochs: number;
  /** Row indices of each micro-batch of optimizer step `step`, counted from 0; any step, in any order. */
  window(step: number): number[][];
  /** Position after `step` steps in epochs, by batches done, as Trainer logs it: 1.75 is 3 of 4 batches of the second. */
  epochAt(step: number): number;
}

/**
 * Plans optimizer-step windows as transformers' Trainer does (`trainer.py`, `set_initial_training_values` and
 * `_run_epoch`): every epoch visits all rows in its own order, short last batches are kept, and the last window of an
 * epoch takes the batches that are left.
 */
export function planWindows(options: WindowOptions): WindowPlan {
  const { examples, batchSize, accumulation } = options;
  if (examples < 1) throw problem('data.empty', 'There is no example to train on.', 'Check data.train.');
  const batches = Math.ceil(examples / batchSize);
  const stepsPerEpoch = Math.ceil(batches / accumulation);
  const totalSteps = options.maxSteps > 0 ? options.maxSteps : Math.ceil(options.epochs * stepsPerEpoch);
  const orderOf = orders(options);
  return {
    stepsPerEpoch,
    totalSteps,
    epochs: Math.ceil(totalSteps / stepsPerEpoch),
    epochAt: step => {
      const begun = Math.floor(step / stepsPerEpoch);
      return begun + ((step % stepsPerEpoch) * accumulation) / batches;
    },
    window: step => {
      const order = orderOf(Math.floor(step / stepsPerEpoch));
      const first = (step % stepsPerEpoch) * accumulation;
      const last = Math.min(first + accumulation, batches);
      return Array.from({ length: last - first }, (_, index) => batch(order, first + index, batchSize));
    },
  };
}

/** Rows of an evaluation pass: file order, `batchSize` rows a batch, the last one short. */
export function planEvaluation(examples: number, batchSize: number): number[][] {
  const order = Uint32Array.from({ length: examples }, (_, index) => index);
  return Array.from({ length: Math.ceil(examples / batchSize) }, (_, index) => batch(order, index, batchSize));
}

function batch(order: Uint32Array, index: number, batchSize: number): number[] {
  return [...order.subarray(index * batchSize, (index + 1) * batchSize)];
}

/** Row order by epoch; remembers the last one, which a run asks for again and again. */
function orders({ examples, shuffle, seed }: WindowOptions): (epoch: number) => Uint32Array {
  let known: { epoch: number; order: Uint32Array } | undefined;
  return epoch => {
    if (known?.epoch === epoch) return known.order;
    const order = shuffle ? permutation(examples, seed, epoch) : Uint32Array.from({ length: examples }, (_, i) => i);
    known = { epoch, order };
    return order;
  };
}
