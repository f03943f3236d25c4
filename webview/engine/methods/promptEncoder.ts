import type { GraphBuilder } from '../graph/builder';
import { streamOf } from '../data/random';
import type { Tensor } from '../graph/tensor';
import { relu } from '../ops/activation';
import { dropout } from '../ops/dropout';
import { linear } from '../ops/linear';
import { lstmLayer, type LstmWeights } from '../ops/lstm';
import { denseRows } from './dense';
import { lstmRows } from './lstmRows';
import type { TensorValues } from './method';

/** Sizes of PEFT's `PromptEncoder` (`tuners/p_tuning/model.py`). */
export interface EncoderShape {
  readonly kind: 'MLP' | 'LSTM';
  /** Virtual tokens P, and the model's width d. */
  readonly count: number;
  readonly width: number;
  readonly hidden: number;
  /** Layers of the LSTM. */
  readonly layers: number;
  /** Between the layers of the LSTM. */
  readonly dropout: number;
}

/** Names as PEFT has them below `prompt_encoder`. */
export const embeddingName = 'prompt_encoder.embedding.weight';
const head = 'prompt_encoder.mlp_head';
const lstm = 'prompt_encoder.lstm_head';

/** Every parameter with its shape and, for torch's initialisation, the number of its inputs; 0 for N(0, 1). */
export function encoderParameters(
  shape: EncoderShape,
): Map<string, { readonly shape: number[]; readonly fan: number }> {
  const { kind, count, width, hidden: H, layers } = shape;
  const found = new Map([[embeddingName, { shape: [count, width], fan: 0 }]]);
  if (kind === 'LSTM')
    for (let layer = 0; layer < layers; layer++)
      for (const end of [`l${layer}`, `l${layer}_reverse`]) {
        found.set(`${lstm}.weight_ih_${end}`, { shape: [4 * H, layer === 0 ? width : 2 * H], fan: H });
        found.set(`${lstm}.weight_hh_${end}`, { shape: [4 * H, H], fan: H });
        for (const name of ['bias_ih', 'bias_hh']) found.set(`${lstm}.${name}_${end}`, { shape: [4 * H], fan: H });
      }
  headWidths(shape).forEach(([inner, outer], index) => {
    found.set(`${head}.${2 * index}.weight`, { shape: [outer, inner], fan: inner });
    found.set(`${head}.${2 * index}.bias`, { shape: [outer], fan: inner });
  });
  return found;
}

/** Inputs and outputs of the linear layers, with ReLU between them. */
function headWidths({ kind, width, hidden: H }: EncoderShape): readonly (readonly [number, number])[] {
  if (kind === 'MLP')
    return [
      [width, H],
      [H, H],
      [H, width],
    ];
  return [
    [2 * H, 2 * H],
    [2 * H, width],
  ];
}

/** The prompt [P, d] that the encoder makes. */
export function encodePrompt(graph: GraphBuilder, shape: EncoderShape): Tensor {
  const sizes = encoderParameters(shape);
  const own = (name: string): Tensor =>
    graph.parameter(name, sizes.get(name)?.shape ?? [], {
      category: 'adapter',
      trainable: true,
      decay: !name.includes('bias'),
    });
  let x = own(embeddingName);
  if (shape.kind === 'LSTM')
    for (let layer = 0; layer < shape.layers; layer++) {
      const name = `${lstm}.${layer}`;
      if (layer > 0) x = dropout(graph, `${name}.dropout`, x, { rate: shape.dropout, key: streamOf(name) });
      x = lstmLayer(graph, name, x, [weights(own, `l${layer}`), weights(own, `l${layer}_reverse`)]);
    }
  const count = headWidths(shape).length;
  for (let index = 0; index < count; index++) {
    const name = `${head}.${2 * index}`;
    x = linear(graph, name, x, { weight: own(`${name}.weight`), bias: own(`${name}.bias`), layout: 'oi' });
    if (index < count - 1) x = relu(graph, `${head}.${2 * index + 1}`, x);
  }
  return x;
}

function weights(own: (name: string) => Tensor, end: string): LstmWeights {
  return {
    inputWeight: own(`${lstm}.weight_ih_${end}`),
    hiddenWeight: own(`${lstm}.weight_hh_${end}`),
    inputBias: own(`${lstm}.bias_ih_${end}`),
    hiddenBias: own(`${lstm}.bias_hh_${end}`),
  };
}

/** The prompt on the host, from trained values. */
export function promptValues(shape: EncoderShape, values: TensorValues): Float32Array {
  const get = (name: string) => values.get(name) ?? new Float32Array(0);
  let x = get(embeddingName);
  if (shape.kind === 'LSTM')
    for (let layer = 0; layer < shape.layers; layer++)
      x = lstmRows(
        x,
        shape.count,
        shape.hidden,
        [`l${layer}`, `l${layer}_reverse`].map(end => ({
          input: { weight: get(`${lstm}.weight_ih_${end}`), bias: get(`${lstm}.bias_ih_${end}`) },
          state: { weight: get(`${lstm}.weight_hh_${end}`), bias: get(`${lstm}.bias_hh_${end}`) },
        })),
      );
  headWidths(shape).forEach((_, index, all) => {
    const layer = { weight: get(`${head}.${2 * index}.weight`), bias: get(`${head}.${2 * index}.bias`) };
    x = denseRows(x, shape.count, layer, index < all.length - 1 ? value => Math.max(0, value) : undefined);
  });
  return x;
}
