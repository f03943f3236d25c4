import { uniform, type RandomKey } from '../data/random';

/** How the next token is chosen; names and meaning as in transformers' `GenerationConfig`. */
export interface Sampling {
  /** 0 takes the most likely token; otherwise logits are divided by it and a token is drawn. */
  readonly temperature: number;
  /** Draw among this many most likely tokens; 0: among all. */
  readonly top_k: number;
  /** Draw among the fewest tokens whose probabilities reach this sum; 1: among all. */
  readonly top_p: number;
  /** Divides the logits of tokens that are already in the text if positive, else multiplies; 1: nothing. */
  readonly repetition_penalty: number;
}

/**
 * Logits [V] after transformers' processors, in its order (`generation/utils.py`, `_get_logits_processor`): repetition
 * penalty over prompt and completion, then, unless greedy, temperature, top-k, top-p. Excluded tokens are -Infinity. Settings
 * are rounded to f32, as torch does with Python floats.
 */
export function processLogits(logits: Float32Array, text: readonly number[], sampling: Sampling): Float32Array {
  const scores = Float32Array.from(logits);
  if (sampling.repetition_penalty !== 1) penalize(scores, text, Math.fround(sampling.repetition_penalty));
  if (sampling.temperature === 0) return scores;
  const temperature = Math.fround(sampling.temperature);
  scores.forEach((score, id) => (scores[id] = score / temperature));
  if (sampling.top_k > 0) keepLargest(scores, sampling.top_k);
  if (sampling.top_p < 1) keepNucleus(scores, sampling.top_p);
  return scores;
}

/**
 * The next token: the largest of the processed logits (the first of equals) when greedy, else one draw from their
 * softmax, with `index` counting the draws of a text, so that a seed gives one text.
 */
export function nextToken(scores: Float32Array, temperature: number, key: RandomKey, index: number): number {
  let best = 0;
  for (let id = 1; id < scores.length; id++) if (scores[id] > scores[best]) best = id;
  if (temperature === 0) return best;
  const weights = Float64Array.from(scores, score => Math.exp(score - scores[best]));
  let rest = uniform(key, index) * weights.reduce((sum, weight) => sum + weight, 0);
  for (let id = 0; id < weights.length; id++) {
    rest -= weights[id];
    if (rest < 0) return id;
  }
  return best;
}

/** RepetitionPenaltyLogitsProcessor (Keskar et al., arXiv 1909.05858): each token once, however often it occurs. */
function penalize(scores: Float32Array, text: readonly number[], penalty: number): void {
  for (const id of new Set(text)) scores[id] = scores[id] < 0 ? scores[id] * penalty : scores[id] / penalty;
}

/** TopKLogitsWarper: tokens below the k-th largest go; equals of it stay. */
function keepLargest(scores: Float32Array, k: number): void {
  if (k >= scores.length) return;
  const least = Float32Array.from(scores).sort()[scores.length - k];
  scores.forEach((score, id) => {
    if (score < least) scores[id] = -Infinity;
  });
}

/** TopPLogitsWarper (Holtzman et al., arXiv 1904.09751): the least likely go while their sum stays within 1 − p. */
function keepNucleus(scores: Float32Array, p: number): void {
  const order = Array.from(scores.keys()).sort((a, b) => scores[a] - scores[b]);
  const top = scores[order[order.length - 1]];
  const total = scores.reduce((sum, score) => sum + Math.exp(score - top), 0);
  let below = 0;
  for (const id of order.slice(0, -1)) {
    below += Math.exp(scores[id] - top) / total;
    if (below > 1 - p) return;
    scores[id] = -Infinity;
  }
}
