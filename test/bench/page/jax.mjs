/** The bench's work in jax-js (github.com/ekzhang/jax-js): its operations consume their arguments, `.ref` keeps one. */
import { blockUntilReady, defaultDevice, init, jit, nn, numpy as np, tree, valueAndGrad } from '@jax-js/jax';
import { batchOf, generator, learningRate, startValues, timed } from './shapes';

export async function open() {
  await init('webgpu');
  defaultDevice('webgpu');
}

const pairs = new Map();

export async function matmul(form, n) {
  if (!pairs.has(n)) {
    const next = generator(3);
    const values = () =>
      np.array(
        Float32Array.from({ length: n * n }, () => next() - 0.5),
        { shape: [n, n] },
      );
    pairs.set(n, [values(), values()]);
    await blockUntilReady(pairs.get(n));
  }
  const [a, b] = pairs.get(n);
  const left = () => (form === 'tn' ? np.transpose(a.ref) : a.ref);
  const right = () => (form === 'nt' ? np.transpose(b.ref) : b.ref);
  return timed(async () => {
    const product = np.matmul(left(), right());
    await product.blockUntilReady();
    product.dispose();
  });
}

let state;

/** Milliseconds of the first step: tracing, kernel generation, pipelines and the step itself. */
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
  const moments = [{}, {}];
  for (const [name, { shape: sizes, values }] of startValues(shape)) {
    parameters[name] = np.array(values, { shape: sizes });
    for (const moment of moments) moment[name] = np.zeros(sizes);
  }
  const { tokens, targets } = batchOf(shape);
  const ids = values => np.array(values, { shape: [values.length], dtype: np.int32 });
  return { t: 0, parameters, m: moments[0], v: moments[1], x: ids(tokens), y: ids(targets), update: updateOf(shape) };
}

async function runStep() {
  const { parameters, m, v, x, y, update } = state;
  const t = ++state.t;
  const corrections = [np.array([1 - 0.9 ** t]), np.array([1 - 0.999 ** t])];
  const [P, M, V, loss] = update(parameters, m, v, x.ref, y.ref, ...corrections);
  Object.assign(state, { parameters: P, m: M, v: V });
  await blockUntilReady([...Object.values(P)].map(p => p.ref));
  const value = (await loss.data())[0];
  return value;
}

/** One Adam step as one jitted function. */
function updateOf(shape) {
  return jit((p, m, v, x, y, c1, c2) => {
    const [loss, g] = valueAndGrad(lossOf(shape))(tree.ref(p), x, y);
    const [P, M, V] = [{}, {}, {}];
    for (const name of Object.keys(g)) {
      const gradient = g[name];
      M[name] = m[name].mul(0.9).add(gradient.ref.mul(0.1));
      V[name] = v[name].mul(0.999).add(gradient.ref.mul(gradient).mul(0.001));
      const scale = np.sqrt(V[name].ref.div(c2.ref)).add(1e-8);
      P[name] = p[name].sub(M[name].ref.div(c1.ref).div(scale).mul(learningRate));
    }
    c1.dispose();
    c2.dispose();
    return [P, M, V, loss];
  });
}

function lossOf({ layers, width: d, heads, vocabulary, length: T, batch: B }) {
  const norm = (p, x, name) => nn.standardize(x).mul(p[`${name}.weight`]).add(p[`${name}.bias`]);
  const dense = (p, x, name) => np.matmul(x, p[`${name}.weight`]).add(p[`${name}.bias`]);
  return (p, x, y) => {
    const S = B * T;
    let h = np.matmul(nn.oneHot(x, vocabulary), p.wte);
    h = h.reshape([B, T, d]).add(p.wpe).reshape([S, d]);
    for (let block = 0; block < layers; block++) {
      const name = `h${block}`;
      const fused = dense(p, norm(p, h.ref, `${name}.ln_1`), `${name}.attn.c_attn`);
      const [q, k, v] = np.split(fused, 3, 1).map(part => part.reshape([B, T, heads, d / heads]));
      const attended = nn.dotProductAttention(q, k, v, { isCausal: true }).reshape([S, d]);
      h = h.add(dense(p, attended, `${name}.attn.c_proj`));
      const inner = nn.gelu(dense(p, norm(p, h.ref, `${name}.ln_2`), `${name}.mlp.c_fc`));
      h = h.add(dense(p, inner, `${name}.mlp.c_proj`));
    }
    const logits = np.matmul(norm(p, h, 'ln_f'), np.transpose(p.lm_head));
    return np.sum(nn.logSoftmax(logits).mul(nn.oneHot(y, vocabulary))).mul(-1 / S);
  };
}
