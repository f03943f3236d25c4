import { problem } from '../../../src/common/errors';
import type { VirtualTokens } from '../methods/method';
import { ignoredLabel, type Example } from './examples';

/** Marks a token without loss in {@link MicroBatch.labels}. */
export const ignoredWord = 0xffffffff;

/**
 * Several examples as one stream of S tokens, without padding: attention stays within a token's segment.
 * All arrays have length S.
 */
export interface MicroBatch {
  readonly tokens: Uint32Array;
  /** Index of the token within its example, after the positions that a prefix takes. */
  readonly positions: Uint32Array;
  /** First stream index of the token's example. */
  readonly segmentStart: Uint32Array;
  /** One past the last stream index of the token's example. */
  readonly segmentEnd: Uint32Array;
  /** The token to predict here (the next one of the same example), or {@link ignoredWord}. */
  readonly labels: Uint32Array;
  /** Tokens that have a label. */
  readonly lossTokens: number;
  /** Tokens that belong to examples; what lies beyond is filling of {@link padTo}. */
  readonly count: number;
}

/** Positions before every example: in the stream as placeholder tokens, or only counted. */
export interface Lead {
  readonly placeholders: number;
  /** Position of the first token in the stream. */
  readonly firstPosition: number;
}

const noLead: Lead = { placeholders: 0, firstPosition: 0 };

/** What virtual tokens mean for the stream. */
export function leadOf(virtual: VirtualTokens | undefined): Lead {
  if (!virtual) return noLead;
  if (virtual.place === 'input') return { placeholders: virtual.count, firstPosition: 0 };
  return { placeholders: 0, firstPosition: virtual.count };
}

/** Lays the examples `rows` end to end. The causal shift of the labels is done here, so the loss needs none. */
export function packBatch(examples: readonly Example[], rows: readonly number[], lead = noLead): MicroBatch {
  const chosen = rows.map(row => led(examples[row], lead.placeholders));
  const count = chosen.reduce((sum, example) => sum + example.ids.length, 0);
  const batch = emptyBatch(count);
  let [start, lossTokens] = [0, 0];
  for (const example of chosen) {
    lossTokens += placeExample(batch, example, start, lead.firstPosition);
    start += example.ids.length;
  }
  return { ...batch, lossTokens, count };
}

/** Placeholders are token 0 without a label: what stands there is replaced before anything sees it. */
function led(example: Example, placeholders: number): Pick<Example, 'ids' | 'labels'> {
  if (placeholders === 0) return example;
  const length = placeholders + example.ids.length;
  const ids = new Uint32Array(length);
  const labels = new Int32Array(length).fill(ignoredLabel);
  ids.set(example.ids, placeholders);
  labels.set(example.labels, placeholders);
  return { ids, labels };
}

/**
 * Extends a batch to `size` tokens. Each filling token attends to itself alone and has no label, so it changes
 * neither loss nor gradients.
 */
export function padTo(batch: MicroBatch, size: number): MicroBatch {
  const { count } = batch;
  if (size < count)
    throw problem('data.batch', `A batch of ${count} tokens does not fit ${size}.`, 'Lower data.max_length.');
  const padded = emptyBatch(size);
  padded.tokens.set(batch.tokens.subarray(0, count));
  padded.positions.set(batch.positions.subarray(0, count));
  padded.segmentStart.set(batch.segmentStart.subarray(0, count));
  padded.segmentEnd.set(batch.segmentEnd.subarray(0, count));
  padded.labels.set(batch.labels.subarray(0, count));
  for (let t = count; t < size; t++) {
    padded.segmentStart[t] = t;
    padded.segmentEnd[t] = t + 1;
  }
  return { ...padded, lossTokens: batch.lossTokens, count };
}

function emptyBatch(size: number) {
  return {
    tokens: new Uint32Array(size),
    positions: new Uint32Array(size),
    segmentStart: new Uint32Array(size),
    segmentEnd: new Uint32Array(size),
    labels: new Uint32Array(size).fill(ignoredWord),
  };
}

/** Writes one example at stream index `start`; returns its number of loss tokens. */
function placeExample(
  batch: ReturnType<typeof emptyBatch>,
  example: Pick<Example, 'ids' | 'labels'>,
  start: number,
  firstPosition: number,
): number {
  const length = example.ids.length;
  const end = start + length;
  batch.tokens.set(example.ids, start);
  batch.segmentStart.fill(start, start, end);
  batch.segmentEnd.fill(end, start, end);
  let lossTokens = 0;
  for (let t = 0; t < length; t++) {
    batch.positions[start + t] = firstPosition + t;
    const label = t + 1 < length ? example.labels[t + 1] : ignoredLabel;
    if (label === ignoredLabel) continue;
    batch.labels[start + t] = label;
    lossTokens++;
  }
  return lossTokens;
}

/** New tokens of one text from position `first`, each of which sees the whole text up to itself (rows of a cache). */
export function newRows(tokens: readonly number[], first: number): MicroBatch {
  const batch = emptyBatch(tokens.length);
  batch.tokens.set(tokens);
  for (let t = 0; t < tokens.length; t++) {
    batch.positions[t] = first + t;
    batch.segmentEnd[t] = first + t + 1;
  }
  return { ...batch, lossTokens: 0, count: tokens.length };
}
