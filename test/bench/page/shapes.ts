/** What every engine of the bench computes: the same model, the same batch, the same start values. */

export interface GptShape {
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
  readonly vocabulary: number;
  /** Tokens per sequence. */
  readonly length: number;
  readonly batch: number;
}

/** The GPT compared with jax-js and TensorFlow.js: 0.47 M parameters, 256 tokens a step. */
export const gpt: GptShape = { layers: 2, width: 128, heads: 4, vocabulary: 256, length: 64, batch: 4 };

/** The character model compared with nanogpt: 512 tokens a step. */
export const characters: GptShape = { layers: 4, width: 128, heads: 4, vocabulary: 200, length: 128, batch: 4 };

export const learningRate = 1e-3;

/** Token ids [batch · length] and the ids that follow them. */
export function batchOf({ batch, length, vocabulary }: GptShape): { tokens: Int32Array; targets: Int32Array } {
  const next = generator(7);
  const stream = Int32Array.from({ length: batch * length + 1 }, () => Math.floor(next() * vocabulary));
  return { tokens: stream.slice(0, -1), targets: stream.slice(1) };
}

/** Start values of every parameter, by name; matrices are [in, out]. */
export function startValues(shape: GptShape): Map<string, { shape: number[]; values: Float32Array<ArrayBuffer> }> {
  const { layers, width: d, vocabulary, length } = shape;
  const next = generator(11);
  const parameters = new Map<string, { shape: number[]; values: Float32Array<ArrayBuffer> }>();
  const add = (name: string, sizes: number[], fill?: number) => {
    const count = sizes.reduce((product, size) => product * size, 1);
    const value = () => fill ?? (next() + next() + next() - 1.5) * 0.04;
    parameters.set(name, { shape: sizes, values: Float32Array.from({ length: count }, value) });
  };
  add('wte', [vocabulary, d]);
  add('wpe', [length, d]);
  for (let block = 0; block < layers; block++) {
    for (const norm of ['ln_1', 'ln_2']) {
      add(`h${block}.${norm}.weight`, [d], 1);
      add(`h${block}.${norm}.bias`, [d], 0);
    }
    const matrices = { 'attn.c_attn': 3 * d, 'attn.c_proj': d, 'mlp.c_fc': 4 * d, 'mlp.c_proj': d };
    for (const [name, out] of Object.entries(matrices)) {
      add(`h${block}.${name}.weight`, [name === 'mlp.c_proj' ? 4 * d : d, out]);
      add(`h${block}.${name}.bias`, [out], 0);
    }
  }
  add('ln_f.weight', [d], 1);
  add('ln_f.bias', [d], 0);
  add('lm_head', [vocabulary, d]);
  return parameters;
}

/** Seeded values in [0, 1). */
export function generator(seed: number): () => number {
  let state = (seed * 2654435761 + 1) >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Milliseconds that `work` takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
