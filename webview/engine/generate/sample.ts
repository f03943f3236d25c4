import { uniform, type RandomKey } from '../data/random';

/**
 * Picks the next token from logits [V]. Temperature 0 takes the largest (the first of equals); otherwise one draw from
 * softmax(logits / temperature), with `index` counting the draws of a text so that a seed gives one text.
 */
export function sampleToken(logits: Float32Array, temperature: number, key: RandomKey, index: number): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id] > logits[best]) best = id;
  if (temperature === 0) return best;
  const weights = Float64Array.from(logits, value => Math.exp((value - logits[best]) / temperature));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let rest = uniform(key, index) * total;
  for (let id = 0; id < weights.length; id++) {
    rest -= weights[id];
    if (rest < 0) return id;
  }
  return best;
}
