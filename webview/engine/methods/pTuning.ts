import { problem } from '../../../src/common/errors';
import type { PTuningConfig } from '../../../src/common/config/schema';
import type { GraphBuilder } from '../graph/builder';
import type { Tensor } from '../graph/tensor';
import type { PromptAdapter } from '../formats/promptAdapter';
import { writePromptAdapter } from '../formats/promptAdapterWriter';
import type { ModelConfig } from '../model/config';
import { linear } from '../ops/linear';
import { promptRows } from '../ops/promptRows';
import type { EmbeddedStream, Method } from './method';
import { embeddingName, encodePrompt, encoderParameters, promptValues, type EncoderShape } from './promptEncoder';
import { normalValues, uniformValues } from './torchInit';
import { checkRoom, measures, shareImportance, type MeasurePlan } from './virtualTokens';

export interface PTuningOptions {
  readonly config: PTuningConfig;
  readonly model: ModelConfig;
  /** Written to `base_model_name_or_path`. */
  readonly modelName: string;
  readonly seed: number;
  readonly measure: MeasurePlan;
}

/**
 * P-tuning (Liu et al., arXiv 2103.10385) as PEFT has it: P vectors stand before every example at the input, made by an
 * encoder (MLP, or LSTM and MLP) that is dropped after training. Positions count them: 0 … P − 1, then the tokens.
 */
export function pTuningMethod({ config, model, modelName, seed, measure }: PTuningOptions): Method {
  const shape = shapeOf(config, model);
  checkRoom(shape.count, model);
  if (config.adapter !== undefined)
    throw problem(
      'adapter.reparametrised',
      'P-tuning cannot go on from an exported prompt: the encoder that made it is not in the file.',
      'Remove method.adapter and resume the run from its own checkpoint.',
    );
  const sizes = encoderParameters(shape);
  return {
    type: 'p-tuning',
    trainsBase: () => false,
    virtualTokens: { count: shape.count, place: 'input', watched: measure.every > 0 },
    linear: (graph, module, x, base) => linear(graph, module.path, x, base),
    embed: (graph, stream) => withPrompt(graph, stream, encodePrompt(graph, shape)),
    initialValue: ({ tensor }) => {
      const fan = sizes.get(tensor.name)?.fan ?? 0;
      return fan === 0 ? normalValues(tensor, seed) : uniformValues(tensor, fan, seed);
    },
    stepNumbers: step => measures(step, measure),
    importance: recording => (measure.every > 0 ? shareImportance(recording, model) : undefined),
    exportFiles: values =>
      writePromptAdapter({
        kind: 'prompt',
        count: shape.count,
        values: Float32Array.from(promptValues(shape, values)),
        model,
        modelName,
        encoder: {
          encoder_dropout: config.encoder_dropout,
          encoder_hidden_size: shape.hidden,
          encoder_num_layers: config.encoder_num_layers,
          encoder_reparameterization_type: config.encoder_reparameterization_type,
        },
      }),
  };
}

/** A trained prompt that is only used: nothing trains. */
export function attachedPrompt(adapter: PromptAdapter, model: ModelConfig): Method {
  const size = [adapter.count, model.hiddenSize];
  return {
    type: 'p-tuning',
    trainsBase: () => false,
    virtualTokens: { count: adapter.count, place: 'input', watched: false },
    linear: (graph, module, x, base) => linear(graph, module.path, x, base),
    embed: (graph, stream) => withPrompt(graph, stream, graph.parameter(embeddingName, size, { category: 'adapter' })),
    initialValue: () => adapter.values,
    exportFiles: () => writePromptAdapter({ ...adapter, kind: 'prompt', model, modelName: '', encoder: {} }),
  };
}

function withPrompt(graph: GraphBuilder, { embedded, positions, table }: EmbeddedStream, prompt: Tensor): Tensor {
  return promptRows(graph, 'prompt_encoder.rows', { x: embedded, positions, prompt, table });
}

function shapeOf(config: PTuningConfig, model: ModelConfig): EncoderShape {
  return {
    kind: config.encoder_reparameterization_type,
    count: config.num_virtual_tokens,
    width: model.hiddenSize,
    hidden: config.encoder_hidden_size ?? model.hiddenSize,
    layers: config.encoder_num_layers,
    dropout: config.encoder_dropout,
  };
}
