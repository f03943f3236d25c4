/** The bench's work in TensorFlow.js with its WebGPU backend. */
import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-webgpu';
import { batchOf, generator, learningRate, startValues, timed } from './shapes';

export async function open() {
  await tf.setBackend('webgpu');
  await tf.ready();
}

/** Waits for everything submitted, without reading anything back. */
async function fence() {
  const backend = tf.backend();
  backend.ensureCommandEncoderReady();
  backend.endComputePassEncoder();
  backend.submitQueue();
  await backend.queue.onSubmittedWorkDone();
}

const pairs = new Map();

export async function matmul(form, n) {
  if (!pairs.has(n)) {
    const next = generator(3);
    const values = () =>
      tf.tensor2d(
        Float32Array.from({ length: n * n }, () => next() - 0.5),
        [n, n],
      );
    pairs.set(n, [values(), values()]);
    await fence();
  }
  const [a, b] = pairs.get(n);
  return timed(async () => {
    const product = tf.matMul(a, b, form === 'tn', form === 'nt');
    await fence();
    product.dispose();
  });
}

let state;

export async function firstStep(shape) {
  let loss = 0;
  const ms = await timed(async () => {
    state = makeState(shape);
    loss = await runStep();
  });
  return { ms, loss };
}

export async function step() {
  let loss = 0;
  const ms = await timed(async () => (loss = await runStep()));
  return { ms, loss };
}

function makeState(shape) {
  const parameters = {};
  for (const [name, { shape: sizes, values }] of startValues(shape))
    parameters[name] = tf.variable(tf.tensor(values, sizes));
  const { tokens, targets } = batchOf(shape);
  const batch = { x: tf.tensor1d(tokens, 'int32'), y: tf.oneHot(tf.tensor1d(targets, 'int32'), shape.vocabulary) };
  const { length } = shape;
  const mask = tf.linalg
    .bandPart(tf.ones([length, length]), -1, 0)
    .sub(1)
    .mul(1e9);
  return { shape, parameters, batch, mask, optimizer: tf.train.adam(learningRate, 0.9, 0.999, 1e-8) };
}

async function runStep() {
  const { parameters, optimizer } = state;
  const loss = optimizer.minimize(() => lossOf(state), true, Object.values(parameters));
  const [value] = await loss.data();
  loss.dispose();
  await fence();
  return value;
}

function gelu(x) {
  const inner = x.add(x.pow(3).mul(0.044715)).mul(Math.sqrt(2 / Math.PI));
  return x.mul(0.5).mul(inner.tanh().add(1));
}

function lossOf({ shape, parameters: p, batch, mask }) {
  const { layers, width: d, heads, length: T, batch: B } = shape;
  const S = B * T;
  const norm = (x, name) => {
    const { mean, variance } = tf.moments(x, 1, true);
    return x.sub(mean).div(variance.add(1e-5).sqrt()).mul(p[`${name}.weight`]).add(p[`${name}.bias`]);
  };
  const dense = (x, name) => tf.matMul(x, p[`${name}.weight`]).add(p[`${name}.bias`]);
  const attention = fused => {
    const parts = tf.split(fused, 3, 1).map(part => part.reshape([B, T, heads, d / heads]).transpose([0, 2, 1, 3]));
    const scores = tf.matMul(parts[0], parts[1], false, true).mul(1 / Math.sqrt(d / heads));
    return tf
      .matMul(tf.softmax(scores.add(mask)), parts[2])
      .transpose([0, 2, 1, 3])
      .reshape([S, d]);
  };
  let h = tf.gather(p.wte, batch.x).reshape([B, T, d]).add(p.wpe).reshape([S, d]);
  for (let block = 0; block < layers; block++) {
    const name = `h${block}`;
    const attended = attention(dense(norm(h, `${name}.ln_1`), `${name}.attn.c_attn`));
    h = h.add(dense(attended, `${name}.attn.c_proj`));
    h = h.add(dense(gelu(dense(norm(h, `${name}.ln_2`), `${name}.mlp.c_fc`)), `${name}.mlp.c_proj`));
  }
  const logits = tf.matMul(norm(h, 'ln_f'), p.lm_head, false, true);
  return tf
    .logSoftmax(logits)
    .mul(batch.y)
    .sum()
    .mul(-1 / S);
}
